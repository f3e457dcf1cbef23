"""Why a message was or was not answered: one cause, in a sentence, with the one thing that helps."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot import bursts, hindsight, loops, programs
from app.bot.explanation import Case, Explanation
from app.bot.models import Chat, Connection, Message, Run
from app.brains.models import Brain, BrainVersion


def explain(session: Session, message_id: int, stale_after: int, now: int) -> Explanation | None:
    """Explain what became of an inbound message; null for any other. `stale_after` and `now` in ms."""
    message = session.get(Message, message_id)
    if message is None or message.direction != "in":
        return None
    query = select(Run).where(Run.message_id == message_id).order_by(Run.id.desc()).limit(1)
    run = session.scalars(query).first()
    connection = session.get_one(Connection, message.connection_id)
    brain_id = run.brain_id if run and run.brain_id else connection.brain_id
    sends = select(Message).where(
        Message.chat_id == message.chat_id, Message.parent_id == message_id, Message.direction == "out"
    )
    case = Case(
        message,
        session.get_one(Chat, message.chat_id),
        connection,
        session.get(Brain, brain_id) if brain_id else None,
        run,
        session.get(BrainVersion, run.version_id) if run and run.version_id else None,
        list(session.scalars(sends.order_by(Message.ordinal))),
        stale_after,
        now,
    )
    found = _unrun(case) if run is None else _unasked(case) or hindsight.explain(case)
    return replace(found, version=case.number, course=str(case.trace.get("course") or ""))


def _unrun(case: Case) -> Explanation:
    """Explain a message that no brain has looked at."""
    message = case.message
    if message.state == "stored":
        return _kept(case)
    if message.state == "dead":
        why = message.error or "It could not be handled."
        return Explanation(
            "error", f"Brainbox gave up after {message.attempts} tries: {why}", "Handle it again.", "again"
        )
    if message.error:
        return Explanation("waiting", f"It is tried again by itself: {message.error}")
    if case.chat.lease_until > case.now:
        return Explanation("waiting", "A worker is at it right now.", "Look again in a moment.")
    return Explanation(
        "waiting",
        "It is stored and waits for a worker.",
        "If it waits long, see on the dashboard whether a worker runs.",
    )


def _kept(case: Case) -> Explanation:
    message = case.message
    late = message.created_at - (message.provider_at or message.created_at)
    if late > case.stale_after:
        minutes, allowed = late // 60_000, case.stale_after // 60_000
        return Explanation(
            "old",
            f"It came {minutes:,} minutes after it was written; messages older than {allowed:,} minutes are kept "
            "and not answered.",
            "Write to the person yourself, or raise STALE_AFTER_SECONDS.",
            "chat",
        )
    return Explanation(
        "no_trigger", f"A message of the kind “{message.kind}” is kept and never asks a brain."
    )


def _unasked(case: Case) -> Explanation | None:
    """Explain a message whose brain was not asked; null when it was."""
    if case.reason.startswith(programs.PAUSED):
        return _paused(case)
    if case.reason.startswith(loops.REASON.partition(":")[0]):
        return Explanation("loop", f"{case.reason}. The bot was paused here.", *_until_resumed(case))
    if case.run and case.run.outcome == bursts.MERGED:
        return Explanation("merged", f"{bursts.WHY}: see the answer there.")
    if case.reason in _BRAINLESS:
        return _BRAINLESS[case.reason](case)
    return None


def _paused(case: Case) -> Explanation:
    why = case.reason.removeprefix(programs.PAUSED).lstrip(": ")
    told = f" ({why})" if why else ""
    text = f"The bot was paused in this chat, because a person answers{told}."
    return Explanation("paused", text, *_until_resumed(case))


def _until_resumed(case: Case) -> tuple[str, str]:
    """Return what helps while a chat is paused, and where."""
    if case.chat.paused_at:
        return "Resume the bot when the person is done.", "chat"
    return "It has been resumed since.", ""


def _other_brain(case: Case) -> Explanation:
    return Explanation("no_brain", case.reason, "Choose the brain of this connection.", "connection")


def _cannot_run(case: Case) -> Explanation:
    brain_id = case.brain.id if case.brain else None
    return Explanation("error", case.reason, "Publish the brain again.", "versions", None, brain_id)


def _without_brain(case: Case) -> Explanation:
    name = case.connection.name
    if not case.connection.enabled:
        return Explanation(
            "off", f"The connection “{name}” is switched off.", "Switch it on again.", "connection"
        )
    if case.connection.brain_id is None:
        return Explanation(
            "no_brain", f"No brain answers on the connection “{name}”.", "Choose one.", "connection"
        )
    return Explanation("no_brain", f"No brain answered on the connection “{name}” when this came.")


def _without_version(case: Case) -> Explanation:
    title = case.brain.title if case.brain else ""
    if case.brain and case.brain.archived_at is not None:
        return Explanation(
            "archived", f"The brain “{title}” is put away.", "Bring it back, or choose another.", "connection"
        )
    if case.brain and case.brain.live_version_id is None:
        return Explanation(
            "unpublished",
            f"The brain “{title}” was never published.",
            "Publish it.",
            "versions",
            None,
            case.brain.id,
        )
    return Explanation("unpublished", "Nothing of the brain was live when this came.")


_BRAINLESS: Final[Mapping[str, Callable[[Case], Explanation]]] = {
    programs.NO_BRAIN: _without_brain,
    programs.NOT_LIVE: _without_version,
    programs.OTHER_BRAIN: _other_brain,
    programs.CANNOT_RUN: _cannot_run,
}
