"""Turns: what a brain is told of a stored message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.bot.claims import Job
from app.bot.schedules import KIND as TICK
from app.brains.memory import Snapshot
from app.brains.runtime import Sender, Turn

SEED_MASK = 0xFFFF_FFFF
NOTHING = Snapshot()
_MEDIA = frozenset({"image", "video", "audio", "voice", "document", "sticker"})


@dataclass(frozen=True, slots=True)
class Known:
    """What was read for a batch: cooldowns by brain, memory and past turns by message, quoted texts by chat."""

    cooldowns: Mapping[int, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    memory: Mapping[int, Snapshot] = field(default_factory=dict)
    quoted: Mapping[tuple[int, str], str] = field(default_factory=dict)
    past: Mapping[int, Sequence[tuple[str, str]]] = field(default_factory=dict)


def turn_of(job: Job, known: Known, now: int) -> Turn:
    """Return the turn of a claimed message; `now` in ms."""
    person = job.sending.person
    return Turn(
        **told(job.message),
        contact_id=job.chat.contact_id,
        sender=Sender(person.user_id or person.phone or "", person.name, person.phone),
        chat_id=job.lease.chat_id,
        is_group=job.chat.group_id is not None,
        now=now,
        cooldowns=known.cooldowns.get(job.brain_id or 0, {}),
        quoted=_quoted(job, known),
        memory=known.memory.get(job.message["id"], NOTHING).entries,
        past=known.past.get(job.message["id"], ()),
    )


def told(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a stored message alone says of its turn, as fields of a Turn."""
    choice = _choice(message)
    tick = message["payload"] if message["kind"] == TICK else {}
    return {
        "message_id": message["id"],
        "kind": message["kind"],
        "text": message["text"],
        "choice_id": choice[0],
        "choice_title": choice[1],
        "at": message["provider_at"] or message["created_at"],
        "seed": (message["id"] * 2654435761) & SEED_MASK,
        "provider_id": message["provider_id"],
        "media": _media(message),
        "command_id": tick.get("command_id"),
        "arguments": tick.get("arguments"),
    }


def _choice(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return id and title of a pressed button or a chosen list row."""
    if message["kind"] not in {"button", "list"}:
        return None, None
    payload = message["payload"]
    interactive = payload.get("interactive")
    if isinstance(interactive, dict):
        chosen = interactive.get("button_reply") or interactive.get("list_reply") or {}
        return chosen.get("id"), chosen.get("title")
    # The quick reply of a template has a form of its own (whatsapp A5).
    button = payload.get("button") or {}
    return button.get("payload"), button.get("text")


def _quoted(job: Job, known: Known) -> dict[str, Any] | None:
    quoted_id = job.message["quoted_id"]
    if not quoted_id or job.message["kind"] == TICK:
        return None
    return {"id": quoted_id, "text": known.quoted.get((job.lease.chat_id, quoted_id), "")}


def _media(message: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = message["kind"]
    if kind not in _MEDIA:
        return None
    payload = message["payload"]
    # Some webhooks name a voice note's file after its kind, others call it audio.
    file = payload.get(kind) or payload.get("audio")
    if not isinstance(file, Mapping):
        return None
    mime, caption = str(file.get("mime_type") or ""), str(file.get("caption") or "")
    return {"kind": kind, "mime": mime, "caption": caption}
