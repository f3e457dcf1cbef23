"""Turn: the input of one run (message, sender, chat, variables), as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from app.immutable import immutable


@immutable
class Sender:
    """Sender of a message; `id` is the person's stable name on this connection."""

    id: str
    name: str = ""
    phone: str | None = None


@immutable
class Turn:
    """Input of a run; `at` and `now` are milliseconds since 1970.

    `seed` decides all chance; `cooldowns` says until when (ms) a command rests, by command id and scope; `memory`
    holds what is remembered, by scope (contact, chat, brain) and key. With `command_id` that command runs whatever
    the triggers say: with `arguments` when they are given, else with what the text holds.
    """

    message_id: int
    kind: str
    text: str
    sender: Sender
    chat_id: int
    at: int
    now: int
    seed: int
    contact_id: int | None = None
    choice_id: str | None = None
    choice_title: str | None = None
    is_group: bool = False
    cooldowns: Mapping[tuple[str, str], int] = field(default_factory=dict)
    command_id: str | None = None
    arguments: Mapping[str, Any] | None = None
    memory: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    provider_id: str = ""
    quoted: Mapping[str, Any] | None = None  # id, text
    media: Mapping[str, Any] | None = None  # kind, mime, caption
    # What its kind has besides (app.channels.content.received); None: nothing.
    data: Mapping[str, Any] | None = None
    past: Sequence[
        tuple[str, str]
    ] = ()  # role (user, assistant) and words of what was said before, oldest first
