"""What the audit keeps of each table: the word for a row, its name, and what is kept, hidden or left out of it.

A column that no list names fails the tests: a secret or a person's words never come into the audit by being new.
"""

from collections.abc import Mapping
from typing import Final

from app.immutable import immutable


@immutable
class TablePolicy:
    """Policy of one audited table, by the names of its columns but the primary key.

    `secret` and `private` (what contacts wrote, who they are) are shown as hidden; `documents` by the paths that
    change; `noise` does not count as a change. Of the columns in `screened`, texts with a number as long as that of a
    phone are hidden. `owner` is the kind a row belongs to, and the column with its id;
    `named_by` the same of the row it is called by. `created` and `deleted`: the words for that, where they are others.
    """

    kind: str
    name: str = ""
    kept: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    screened: tuple[str, ...] = ()
    owner: tuple[str, str] | None = None
    named_by: tuple[str, str] | None = None
    created: str = ""
    deleted: str = ""


# The first of the kinds that change is what an entry is about, unless the code says so (app.db.change_notes).
AUDITED: Final[Mapping[str, TablePolicy]] = {
    "user_account": TablePolicy(
        "person",
        "email",
        kept=("email", "name", "role", "timezone", "language", "created_at", "deactivated_at"),
        secret=("password_hash",),
        noise=("last_login_at", "session_epoch"),
    ),
    "brain": TablePolicy(
        "brain",
        "slug",
        kept=(
            "slug", "title", "live_version_id", "candidate_version_id", "candidate_percent", "rollout_id",
            "created_at", "archived_at",
        ),
        documents=("draft",),
        noise=("draft_rev", "session_epoch", "updated_at"),
        screened=("slug", "title", "draft"),
    ),
    "brain_version": TablePolicy(
        "version",
        "number",
        kept=(
            "brain_id", "number", "hash", "note", "override_reason", "author_id", "created_at", "intent_model_id",
        ),
        documents=("document",),
        screened=("note", "override_reason", "document"),
        owner=("brain", "brain_id"),
    ),
    "rollout": TablePolicy(
        "rollout",
        kept=(
            "brain_id", "version_id", "base_version_id", "mode", "percent", "extra_failures", "slower", "min_runs",
            "started_at", "started_by", "ended_at", "ended_by", "ending", "reason", "tell_connection_id",
        ),
        private=("tell_to",),
        noise=("tally", "cursor"),
        screened=("reason",),
        owner=("brain", "brain_id"),
    ),
    "connection": TablePolicy(
        "connection",
        "name",
        kept=(
            "name", "channel", "account", "brain_id", "enabled", "messages_per_second", "pair_burst",
            "replies_per_minute", "takeover_minutes", "loop_guard", "mark_read", "show_typing", "on_unknown",
            "parked_until", "parked_reason", "created_at", "archived_at",
        ),
        documents=("config",),
        secret=("secrets",),
        noise=("next_slot", "last_webhook_at"),
    ),
    "ai_provider": TablePolicy(
        "AI provider",
        "name",
        kept=("name", "kind", "base_url", "model", "currency", "created_at"),
        documents=("options", "prices"),
        secret=("secrets",),
        noise=("updated_at",),
    ),
    "log_source": TablePolicy(
        "log source",
        "name",
        kept=("name", "key", "enabled", "events_per_second", "created_at", "expires_at"),
        secret=("token_hash",),
        noise=("used_at",),
    ),
    "log_sink": TablePolicy(
        "log sink",
        "name",
        kept=("name", "kind", "enabled", "level", "sources", "created_at"),
        documents=("config",),
        secret=("secrets",),
        noise=("updated_at",),
    ),
    "label": TablePolicy(
        "label",
        "name",
        kept=("name", "colour", "created_at"),
        noise=("name_key",),
        screened=("name",),
    ),
    "saved_reply": TablePolicy(
        "saved reply",
        "name",
        kept=("name", "text", "created_at"),
        noise=("name_key",),
        screened=("name", "text"),
    ),
    "retention": TablePolicy("data retention", "kind", kept=("kind", "days")),
    "erasure": TablePolicy(
        "erasure",
        kept=("step", "user_id", "created_at", "ended_at"),
        documents=("counts",),
        private=("digest", "names", "files", "remains"),
        noise=("taken_until",),
    ),
    "errand": TablePolicy(
        "bulk action",
        "cause",
        kept=("act", "cause", "user_id", "total", "seen", "done", "created_at", "ended_at", "cancelled"),
        private=("wish", "ids"),
        noise=("place", "upto"),
    ),
    "fault": TablePolicy(
        "command error",
        kept=("brain_id", "command_id", "settled_at"),
        private=(
            "kind", "message", "fix", "line", "column", "excerpt", "last_message_id", "last_chat_id",
            "tell_to",
        ),
        noise=("fingerprint", "version_id", "count", "first_at", "last_at", "tell_connection_id", "told_at"),
        owner=("brain", "brain_id"),
    ),
    "note": TablePolicy(
        "note",
        kept=("chat_id", "author_id", "author", "created_at", "edited_at", "deleted_at"),
        private=("text",),
        owner=("chat", "chat_id"),
    ),
    "message": TablePolicy(
        "message",
        kept=(
            "connection_id", "chat_id", "direction", "kind", "state", "author", "error_code", "created_at",
            "aside_at",
        ),
        private=("text", "payload"),
        noise=(
            "contact_id", "provider_id", "key", "quoted_id", "parent_id", "ordinal", "attempts", "next_at", "error",
            "provider_at", "sent_at", "delivered_at", "read_at", "failed_at", "edited_at", "revoked_at", "brain_id",
            "version_id", "command_id", "asked_at", "accepted_at", "delivery", "repeats",
        ),
        owner=("chat", "chat_id"),
    ),
    "chat_label": TablePolicy(
        "chat label",
        owner=("chat", "chat_id"),
        named_by=("label", "label_id"),
        created="label added to chat",
        deleted="label taken off chat",
    ),
    "chat": TablePolicy(
        "chat",
        kept=("connection_id", "paused_at", "paused_until"),
        # A script may have given the reason, with words of the contact in it.
        private=("pause_reason", "title", "contact_id", "group_id"),
        noise=(
            "title_at", "last_message_at", "window_until", "pending", "ready_at", "lease_until", "epoch", "owner",
            "pair_slot", "session_version_id", "session_brain_id", "session_epoch", "session_until",
            "unread_count", "created_at",
        ),
    ),
    "ignored_message": TablePolicy(
        "ignored message",
        kept=("created_at",),
        owner=("brain", "brain_id"),
        created="message ignored",
        deleted="message no longer ignored",
    ),
    "one_time_link": TablePolicy(
        "one-time link",
        "email",
        kept=("kind", "user_id", "email", "role", "created_by", "created_at", "expires_at"),
        secret=("token_hash",),
    ),
    "second_factor": TablePolicy(
        "second factor",
        kept=("enabled_at", "reset_at"),
        secret=("secret",),
        noise=("last_step",),
        owner=("person", "user_id"),
    ),
    "recovery_code": TablePolicy(
        "recovery code",
        kept=("user_id", "created_at", "used_at"),
        secret=("code_hash",),
        owner=("person", "user_id"),
    ),
    "sign_in": TablePolicy(
        "session",
        "device",
        kept=("user_id", "device", "address", "created_at"),
        secret=("token_hash",),
        noise=("seen_at",),
        owner=("person", "user_id"),
    ),
}  # fmt: skip

_PIPELINE: Final = "written by the pipeline for each message, never by an operator"
_COUNTED: Final = "counted from rows of other tables"
_OWN: Final = "the audit's own; its chain guards it"
# Tables that are not audited, and why.
UNAUDITED: Final[Mapping[str, str]] = {
    "ai_call": _PIPELINE,
    "ai_month": _COUNTED,
    "attempt": "a record of tries and of actions on messages, only added to; the message's own change is audited",
    "audit_entry": _OWN,
    "audit_head": _OWN,
    "audit_key": _OWN,
    "contact": _PIPELINE,
    "cooldown": _PIPELINE,
    "counter": _COUNTED,
    "intent_model": "made of a version's intents by a program; the version is audited, and names it",
    "intent_training": "progress of a program that changes nothing that is live; its model is named by a version",
    "known_origin": "comes with each sign-in, which is audited",
    "media_file": "comes with the message it belongs to, which is audited where an operator sends it",
    "memory": _PIPELINE,
    "notice": "what WhatsApp says; operators only mark that they have seen it",
    "playground": "each operator's own trial messages; nothing is sent",
    "receipt": _PIPELINE,
    "rollout_change": _PIPELINE,
    "rollout_chat": _PIPELINE,
    "rollup": _COUNTED,
    "rollup_delta": _COUNTED,
    "run": _PIPELINE,
    "schedule": _PIPELINE,
    "sign_in_throttle": "a failed attempt at a time; a lockout writes an entry",
    "unindexed_text": _PIPELINE,
    "worker": "heartbeats",
}
# The table of each kind, for the name of an owner that did not change itself.
TABLES_BY_KIND: Final[Mapping[str, str]] = {policy.kind: table for table, policy in AUDITED.items()}
# Contacts' messages lie in documents under these keys: recorded as tests, added as examples.
PRIVATE_PATHS: Final = frozenset({"tests", "intents", "not_intents"})
