"""Explanation of an inbound message: why it was or was not answered (texts, advice), before any run."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot import notices
from app.bot.explain import run_cause
from app.bot.explain.explanation import Explanation, MessageContext
from app.bot.models import Chat, Connection, Contact, Message, Run
from app.bot.states import UNDELIVERED_STATES, Direction, MessageState
from app.brains.runtime.trace import EMPTY_TRACE, Cause, Trace
from app.brains.versions.models import Brain, BrainVersion


def explain(session: Session, message_id: int, stale_after: int, now: int) -> Explanation | None:
    """Explain what became of an inbound message; null for any other. `stale_after` and `now` in ms."""
    message = session.get(Message, message_id)
    if message is None or message.direction != Direction.IN:
        return None
    query = select(Run).where(Run.message_id == message_id).order_by(Run.id.desc()).limit(1)
    run = session.scalars(query).first()
    connection = session.get_one(Connection, message.connection_id)
    brain_id = run.brain_id if run and run.brain_id else connection.brain_id
    sends = select(Message).where(
        Message.chat_id == message.chat_id,
        Message.parent_id == message_id,
        Message.direction == Direction.OUT,
    )
    case = MessageContext(
        message,
        session.get_one(Chat, message.chat_id),
        connection,
        session.get(Brain, brain_id) if brain_id else None,
        run,
        session.get(BrainVersion, run.version_id) if run and run.version_id else None,
        list(session.scalars(sends.order_by(Message.ordinal))),
        stale_after,
        now,
        Trace.from_json(run.trace) if run else EMPTY_TRACE,
    )
    found = _explain_not_run(case) if run is None else _explain_not_asked(case) or run_cause.explain_run(case)
    found = _mention_marketing_stop(session, case, found)
    return replace(found, version=case.version_number, choice_reason=case.trace.choice_reason)


def _mention_marketing_stop(session: Session, case: MessageContext, found: Explanation) -> Explanation:
    """Add to a failed answer that the person wants no marketing messages, where they said so."""
    if case.chat.contact_id is None or not any(send.state in UNDELIVERED_STATES for send in case.sends):
        return found
    contact = session.get_one(Contact, case.chat.contact_id)
    names = [each for each in (contact.phone, contact.user_id) if each]
    if notices.find_marketing_stop(session, case.connection.id, names) is None:
        return found
    said = "This person has stopped marketing messages: WhatsApp refuses marketing templates to them."
    return replace(found, sentence=f"{found.sentence} {said}")


def _explain_not_run(case: MessageContext) -> Explanation:
    """Explain a message that no run was made for."""
    message = case.message
    if message.state == MessageState.STORED:
        return _explain_stored(case)
    if message.state == MessageState.DEAD:
        why = message.error or "It could not be handled."
        return Explanation(
            "error", f"Brainbox gave up after {message.attempts} tries: {why}", "Handle it again.", "again"
        )
    if message.error:
        return Explanation("waiting", f"It is tried again automatically: {message.error}")
    if case.chat.lease_until > case.now:
        return Explanation("waiting", "A worker is handling it right now.", "Look again in a moment.")
    return Explanation(
        "waiting",
        "It is stored and waits for a worker.",
        "If it waits long, check on the dashboard that a worker is running.",
    )


def _explain_stored(case: MessageContext) -> Explanation:
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
        "no_trigger", f"A message of the kind “{message.kind}” is kept and never runs a brain."
    )


def _explain_not_asked(case: MessageContext) -> Explanation | None:
    """Explain a message whose brain was not asked; null when it was."""
    explainer = _EXPLAINERS.get(case.trace.cause)
    return explainer(case) if explainer else None


def _explain_paused(case: MessageContext) -> Explanation:
    why = f" ({case.trace.pause_reason})" if case.trace.pause_reason else ""
    text = f"The bot was paused in this chat, because a person answers{why}."
    return Explanation("paused", text, *_resume_advice(case))


def _explain_loop(case: MessageContext) -> Explanation:
    return Explanation("loop", f"{case.trace.reason}. The bot was paused here.", *_resume_advice(case))


def _explain_merged(case: MessageContext) -> Explanation:
    sentence = "Answered together with what was written after it: see the answer there."
    answered_with = case.trace.merged_into
    return Explanation(
        "merged", sentence, action_target="message" if answered_with else "", message_id=answered_with
    )


def _resume_advice(case: MessageContext) -> tuple[str, str]:
    """Return what helps while a chat is paused, and where."""
    if case.chat.paused_at:
        return "Resume the bot when the person is done.", "chat"
    return "It has been resumed since.", ""


def _explain_other_brain(case: MessageContext) -> Explanation:
    return Explanation("no_brain", case.trace.reason, "Choose the brain of this connection.", "connection")


def _explain_cannot_run(case: MessageContext) -> Explanation:
    brain_id = case.brain.id if case.brain else None
    return Explanation("error", case.trace.reason, "Publish the brain again.", "versions", None, brain_id)


def _explain_no_brain(case: MessageContext) -> Explanation:
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


def _explain_no_version(case: MessageContext) -> Explanation:
    title = case.brain.title if case.brain else ""
    if case.brain and case.brain.archived_at is not None:
        return Explanation(
            "archived", f"The brain “{title}” is archived.", "Restore it, or choose another.", "connection"
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


_EXPLAINERS: Final[Mapping[str, Callable[[MessageContext], Explanation]]] = {
    Cause.PAUSED: _explain_paused,
    Cause.LOOP: _explain_loop,
    Cause.MERGED: _explain_merged,
    Cause.NO_BRAIN: _explain_no_brain,
    Cause.NOT_LIVE: _explain_no_version,
    Cause.OTHER_BRAIN: _explain_other_brain,
    Cause.CANNOT_RUN: _explain_cannot_run,
}
