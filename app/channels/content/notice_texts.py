"""Notices of WhatsApp: what events beside messages and receipts mean, and what to do (specs: whatsapp A4)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from app.channels.content.tolerant import get_list, to_dict, to_identifier, to_millis, to_text
from app.immutable import immutable

Level = Literal["info", "warn", "bad"]
_MAX_TITLE: Final = 200


@immutable
class NoticeText:
    """A notice in words: a heading, what WhatsApp says, and what to do (empty: nothing)."""

    title: str
    text: str = ""
    remedy: str = ""
    level: Level = "info"


def describe_notice(field: str, payload: Any) -> NoticeText:
    """Return a stored notice in words; anything unknown is named by its field."""
    data = to_dict(payload)
    reader = _READERS.get(field)
    found = reader(data) if reader else None
    return found or NoticeText(field.replace("_", " ").capitalize(), "An event this version does not know.")


def find_person(payload: Any) -> str | None:
    """Return the number, the user id or the group a notice is about."""
    data = to_dict(payload)
    for name in ("user_preferences", "calls"):
        for each in get_list(data, name):
            entry = to_dict(each)
            number = _to_digits(entry.get("wa_id") or entry.get("from"))[:32]
            return number or to_identifier(entry.get("user_id") or entry.get("from_user_id"), 140)
    group = to_dict(next(iter(get_list(data, "groups")), None))
    return to_text(group.get("group_id"))[:140] or None


def find_group_titles(payload: Any) -> list[tuple[str, str, int]]:
    """Return the groups a notice names, each with its subject and since when it has it (ms; 0 = not told)."""
    found: list[tuple[str, str, int]] = []
    for each in get_list(to_dict(payload), "groups"):
        group = to_dict(each)
        subject, change = group.get("subject"), to_dict(group.get("group_subject"))
        if isinstance(change.get("text"), str) and change.get("update_successful") is not False:
            subject = change["text"]
        title, group_id = to_text(subject).strip()[:_MAX_TITLE], to_text(group.get("group_id"))[:140]
        if title and group_id:
            found.append((group_id, title, to_millis(group.get("timestamp"))))
    return found


def _to_digits(value: object) -> str:
    return re.sub(r"\D", "", to_text(value))


def _to_words(value: object) -> str:
    """Return a word of the provider as people read it: SCHEDULE_FOR_DISABLE is “schedule for disable”."""
    return to_text(value).replace("_", " ").lower()


def _read_account(data: Mapping[str, Any]) -> NoticeText | None:
    event = to_text(data.get("event"))
    known = _ACCOUNT_EVENTS.get(event)
    ban = to_dict(data.get("ban_info"))
    if ban.get("waba_ban_state") == "REINSTATE":
        return NoticeText("Account reinstated", "WhatsApp has lifted the ban of this account.")
    facts = [
        _to_words(ban.get("waba_ban_state")),
        to_text(ban.get("waba_ban_date")),
        _to_words(to_dict(data.get("violation_info")).get("violation_type")),
        *(_to_words(to_dict(each).get("restriction_type")) for each in get_list(data, "restriction_info")),
        _to_words(to_dict(data.get("disconnection_info")).get("reason")),
        to_text(data.get("phone_number")),
    ]
    said = "; ".join(each for each in facts if each)
    if known is None:
        return NoticeText(f"Account: {_to_words(event) or 'updated'}", said)
    return NoticeText(known.title, f"{known.text} {said}".strip(), known.remedy, known.level)


def _read_review(data: Mapping[str, Any]) -> NoticeText:
    decision = to_text(data.get("decision")).upper()
    if decision == "REJECTED":
        return NoticeText(
            "Account review: rejected", "", "See why in WhatsApp Manager, and appeal there.", "bad"
        )
    return NoticeText(f"Account review: {_to_words(decision) or 'updated'}")


def _read_alert(data: Mapping[str, Any]) -> NoticeText:
    said = to_text(data.get("alert_description")) or _to_words(data.get("alert_type"))
    bad = to_text(data.get("alert_severity")).upper() in {"CRITICAL", "WARNING"}
    return NoticeText(
        "Account alert", said, "Open WhatsApp Manager and follow the alert.", "warn" if bad else "info"
    )


def _read_template(data: Mapping[str, Any]) -> NoticeText:
    name = to_text(data.get("message_template_name")) or "a template"
    language = to_text(data.get("message_template_language"))
    event = to_text(data.get("event")).upper()
    reason = _to_words(data.get("reason"))
    said = f"“{name}” ({language})" if language else f"“{name}”"
    said += f": {reason}" if reason not in {"", "none"} else ""
    remedy, level = _TEMPLATE_EVENTS.get(event, ("", "info"))
    return NoticeText(f"Template {_to_words(event) or 'updated'}", said, remedy, level)


def _read_template_quality(data: Mapping[str, Any]) -> NoticeText:
    score = to_text(data.get("new_quality_score")).upper()
    before = _to_words(data.get("previous_quality_score"))
    said = f"“{to_text(data.get('message_template_name'))}”: {before} → {score.lower()}"
    low = score in {"RED", "YELLOW"}
    remedy = (
        "Send it to fewer people, or rewrite it: WhatsApp pauses templates of low quality." if low else ""
    )
    return NoticeText("Template quality changed", said, remedy, "warn" if low else "info")


def _read_quality(data: Mapping[str, Any]) -> NoticeText:
    event = to_text(data.get("event")).upper()
    limit = _to_words(data.get("current_limit") or data.get("max_daily_conversations_per_business"))
    said = f"{to_text(data.get('display_phone_number'))} may now start conversations: {limit or 'unknown'}."
    down = event in {"FLAGGED", "DOWNGRADE"}
    remedy = "People block or report this number: send less unasked, and check what is sent." if down else ""
    return NoticeText(f"Quality: {_to_words(event) or 'updated'}", said, remedy, "warn" if down else "info")


def _read_name(data: Mapping[str, Any]) -> NoticeText:
    decision = to_text(data.get("decision")).upper()
    said = f"“{to_text(data.get('requested_verified_name'))}”: {_to_words(decision)}"
    rejected = decision == "REJECTED"
    remedy = "Choose another display name in WhatsApp Manager." if rejected else ""
    return NoticeText("Display name", said, remedy, "warn" if rejected else "info")


def _read_preferences(data: Mapping[str, Any]) -> NoticeText | None:
    entry = to_dict(next(iter(get_list(data, "user_preferences")), None))
    if entry.get("value") == "stop":
        return NoticeText(
            "A person stopped marketing messages",
            to_text(entry.get("detail")),
            "Send them no marketing templates: WhatsApp refuses them. Answers are still delivered.",
        )
    if entry.get("value") == "resume":
        return NoticeText("A person takes marketing messages again", to_text(entry.get("detail")))
    return None


def _read_calls(data: Mapping[str, Any]) -> NoticeText:
    call = to_dict(next(iter(get_list(data, "calls")), None))
    event, inbound = to_text(call.get("event")), call.get("direction") != "BUSINESS_INITIATED"
    status = to_text(call.get("status")).upper()
    who = f"+{_to_digits(call.get('from'))}" if _to_digits(call.get("from")) else "Somebody"
    if inbound and (event == "connect" or (event == "terminate" and status not in {"", "COMPLETED"})):
        said = f"{who} called. Calls are not answered here."
        return NoticeText("Missed call", said, "Write to them, or call back from a phone.", "warn")
    return NoticeText(f"Call: {_to_words(event or status) or 'updated'}")


def _read_history(data: Mapping[str, Any]) -> NoticeText:
    progress = [
        to_dict(to_dict(each).get("metadata")).get("progress") for each in get_list(data, "history")
    ] or [to_dict(data.get("metadata")).get("progress")]
    known = [each for each in progress if isinstance(each, int)]
    refused = [each for each in get_list(data, "history") if get_list(each, "errors")] or get_list(
        data, "errors"
    )
    if refused:
        return NoticeText("History is not shared", "The owner of the phone did not agree to share old chats.")
    return NoticeText(
        "History import", f"{max(known)} % of the old chats are here." if known else "In progress."
    )


def _read_error(data: Mapping[str, Any]) -> NoticeText:
    said = (data.get("title") or data.get("message"), to_dict(data.get("error_data")).get("details"))
    words = ": ".join(dict.fromkeys(each for each in map(to_text, said) if each))
    code = to_identifier(data.get("code"), 20) or "without a code"
    return NoticeText(f"Error {code}", words, "Open WhatsApp Manager if it comes again.", "warn")


def _read_groups(data: Mapping[str, Any]) -> NoticeText | None:
    group = to_dict(next(iter(get_list(data, "groups")), None))
    errors = [each for part in group.values() for each in get_list(part, "errors")] or get_list(
        group, "errors"
    )
    said = "; ".join(title for _, title, _ in find_group_titles(data))
    if errors:
        details = [to_text(to_dict(to_dict(each).get("error_data")).get("details")) for each in errors]
        said = "; ".join(each for each in (said, *details) if each)
    return NoticeText(_to_words(group.get("type")).capitalize() or "Group updated", said)


_ACCOUNT_EVENTS: Final[Mapping[str, NoticeText]] = {
    "DISABLED_UPDATE": NoticeText(
        "Account banned",
        "WhatsApp has banned this account, or is about to.",
        "Appeal in WhatsApp Manager, under Account quality.",
        "bad",
    ),
    "ACCOUNT_VIOLATION": NoticeText(
        "Policy violation",
        "WhatsApp says its policy was violated.",
        "See WhatsApp Manager, and stop what broke it.",
        "bad",
    ),
    "ACCOUNT_RESTRICTION": NoticeText(
        "Account limited",
        "WhatsApp limits what this account may do.",
        "See WhatsApp Manager, Account quality.",
        "bad",
    ),
    "ACCOUNT_DELETED": NoticeText(
        "Account deleted", "The business account is gone.", "Connect another number.", "bad"
    ),
    "ACCOUNT_OFFBOARDED": NoticeText(
        "Account disconnected", "The number has left the interface.", "Connect the number again.", "bad"
    ),
    "PARTNER_REMOVED": NoticeText(
        "App removed",
        "The account was taken from its app.",
        "Give the app access again, or archive the connection.",
        "bad",
    ),
    "PARTNER_APP_UNINSTALLED": NoticeText(
        "App uninstalled",
        "The app has no access any more.",
        "Install it again, and put in the new token.",
        "bad",
    ),
    "ACCOUNT_RECONNECTED": NoticeText("Account reconnected", "The number is connected again."),
    "PARTNER_ADDED": NoticeText("App added", "The account was given to its app."),
}
_TEMPLATE_EVENTS: Final[Mapping[str, tuple[str, Level]]] = {
    "REJECTED": ("Change the template in WhatsApp Manager and submit it again.", "bad"),
    "PAUSED": (
        "People blocked or reported it: it can be sent again when the pause is over. Rewrite it.",
        "bad",
    ),
    "DISABLED": ("It cannot be sent any more: make another template.", "bad"),
    "FLAGGED": ("Its quality is low: it will be disabled unless that changes.", "warn"),
    "PENDING_DELETION": ("Stop using it.", "warn"),
}
_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], NoticeText | None]]] = {
    "account_update": _read_account,
    "account_review_update": _read_review,
    "account_alerts": _read_alert,
    "message_template_status_update": _read_template,
    "message_template_quality_update": _read_template_quality,
    "phone_number_quality_update": _read_quality,
    "phone_number_name_update": _read_name,
    "user_preferences": _read_preferences,
    "calls": _read_calls,
    "history": _read_history,
    "errors": _read_error,
    "group_lifecycle_update": _read_groups,
    "group_participants_update": _read_groups,
    "group_settings_update": _read_groups,
    "group_status_update": _read_groups,
    "malformed": lambda _data: NoticeText(
        "Unreadable event", "A signed webhook that is not of WhatsApp's form; it is kept as it came."
    ),
}
