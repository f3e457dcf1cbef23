"""Turn of a stored message: its fields, random seed, quoted message, media."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from app.bot.states import SCHEDULE_KIND
from app.bot.turns.claim import Job
from app.brains.memory.store import MemorySnapshot
from app.brains.runtime.program import Program
from app.brains.turn import Sender, Turn
from app.channels.content.message_data import build_message_data
from app.immutable import immutable
from app.unicode import clean_name

SEED_MASK = 0xFFFF_FFFF
EMPTY_SNAPSHOT = MemorySnapshot()
_MEDIA_KINDS = frozenset({"image", "video", "audio", "voice", "document", "sticker"})


@immutable
class Prefetched:
    """What was read for a batch: cooldowns by brain, memory and past turns by message, quoted texts by chat."""

    cooldowns: Mapping[int, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    memory: Mapping[int, MemorySnapshot] = field(default_factory=dict)
    quoted_texts: Mapping[tuple[int, str], str] = field(default_factory=dict)
    past_turns: Mapping[int, Sequence[tuple[str, str]]] = field(default_factory=dict)


@immutable
class RunInput:
    """A job with what its brain was given: the program and what it remembered; `now` in ms."""

    job: Job
    program: Program
    now: int
    snapshot: MemorySnapshot = EMPTY_SNAPSHOT


def build_turn(job: Job, prefetched: Prefetched, now: int) -> Turn:
    """Return the turn of a claimed message; `now` in ms."""
    person = job.writer or job.target.person
    return Turn(
        **build_turn_fields(job.message),
        contact_id=job.contact_id,
        sender=Sender(person.user_id or person.phone or "", clean_name(person.name), person.phone),
        chat_id=job.lease.chat_id,
        is_group=job.chat.group_id is not None,
        now=now,
        cooldowns=prefetched.cooldowns.get(job.brain_id or 0, {}),
        quoted=_build_quoted(job, prefetched),
        memory=prefetched.memory.get(job.message["id"], EMPTY_SNAPSHOT).entries,
        past=prefetched.past_turns.get(job.message["id"], ()),
    )


def build_turn_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a stored message alone says of its turn, as fields of a Turn."""
    choice = _read_choice(message)
    tick = message["payload"] if message["kind"] == SCHEDULE_KIND else {}
    return {
        "message_id": message["id"],
        "kind": message["kind"],
        "text": message["text"],
        "choice_id": choice[0],
        "choice_title": choice[1],
        "at": message["provider_at"] or message["created_at"],
        "seed": (message["id"] * 2654435761) & SEED_MASK,
        "provider_id": message["provider_id"],
        "media": _read_media(message),
        "data": build_message_data(message["payload"]) if message["kind"] != SCHEDULE_KIND else None,
        "command_id": tick.get("command_id"),
        "arguments": tick.get("arguments"),
    }


def _read_choice(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
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


def _build_quoted(job: Job, known: Prefetched) -> dict[str, Any] | None:
    quoted_id = job.message["quoted_id"]
    if not quoted_id or job.message["kind"] == SCHEDULE_KIND:
        return None
    return {"id": quoted_id, "text": known.quoted_texts.get((job.lease.chat_id, quoted_id), "")}


def _read_media(message: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = message["kind"]
    if kind not in _MEDIA_KINDS:
        return None
    payload = message["payload"]
    # Some webhooks name a voice note's file after its kind, others call it audio.
    file = payload.get(kind) or payload.get("audio")
    if not isinstance(file, Mapping):
        return None
    mime, caption = str(file.get("mime_type") or ""), str(file.get("caption") or "")
    return {"kind": kind, "mime": mime, "caption": caption}
