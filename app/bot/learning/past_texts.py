"""Past text messages of a brain with what its runs say of them; how many runs are read."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.bot.models import Connection, IgnoredMessage, Message, Run
from app.bot.states import Direction
from app.brains.versions.models import Brain, BrainVersion
from app.immutable import immutable

READ_RUNS: Final = 5_000  # the newest ones of a brain
# Commands with these triggers were called by their own words, whatever a model says.
CALLED: Final = frozenset({"command", "exact", "starts_with", "contains", "button"})
FALLBACK: Final = "fallback"
INTENT: Final = "intent"
_TEXT: Final = "text"


@immutable
class PastText:
    """Text that somebody wrote to a brain, joined with others where they were answered together; `sent_at` in ms."""

    message_id: int
    chat_id: int
    text: str
    sent_at: int


def select_texts(brain_id: int, since: int = 0) -> Select[Any, Any, Any, Any, Any, Any, Any, Any, Any]:
    """Return the query of texts written to a brain since a moment (ms), the newest first.

    A row has message_id, command_id, understood (JSON), joined (text), chat_id, text, created_at, channel, ignored.
    """
    newest = select(Run.id).where(Run.brain_id == brain_id).order_by(Run.id.desc()).limit(READ_RUNS)
    return (
        select(
            Run.message_id,
            Run.command_id,
            Run.journal["understanding"].label("understood"),
            Run.journal["text"].as_string().label("joined"),
            Message.chat_id,
            Message.text,
            Message.created_at,
            Connection.channel,
            IgnoredMessage.message_id.label("ignored"),
        )
        .join(Message, Message.id == Run.message_id)
        .join(Connection, Connection.id == Message.connection_id)
        .outerjoin(
            IgnoredMessage,
            (IgnoredMessage.message_id == Message.id) & (IgnoredMessage.brain_id == brain_id),
        )
        .where(
            Run.id.in_(select(newest.subquery().c.id)),
            Run.created_at >= since,
            Message.direction == Direction.IN,
            Message.kind == _TEXT,
        )
        .order_by(Run.id.desc())
    )


def list_past_texts(session: Session, brain: Brain, limit: int) -> list[PastText]:
    """Return the newest texts that no command of a brain was called by, the newest first: an intent may decide them."""
    kinds = list_trigger_kinds(session, brain)
    found: dict[int, PastText] = {}
    for row in session.execute(select_texts(brain.id)):
        if kinds.get(row.command_id) not in CALLED and row.message_id not in found:
            found[row.message_id] = _build_text(row)
            if len(found) == limit:
                break
    return list(found.values())


def find_texts(session: Session, brain_id: int, message_ids: Collection[int]) -> dict[int, PastText]:
    """Return those of some texts written to a brain that are still there, by the message's id."""
    query = select_texts(brain_id).where(Message.id.in_(message_ids))
    return {row.message_id: _build_text(row) for row in session.execute(query)}


def list_trigger_kinds(session: Session, brain: Brain) -> dict[str, str]:
    """Return the trigger of each command by its id: of the live version, and of the draft."""
    live = session.scalar(select(BrainVersion.document).where(BrainVersion.id == brain.live_version_id))
    return {**_read_trigger_kinds(brain.draft), **_read_trigger_kinds(live or {})}


def _read_trigger_kinds(document: Mapping[str, Any]) -> dict[str, str]:
    commands: Sequence[Mapping[str, Any]] = document.get("commands") or ()
    return {
        str(each.get("id")): str(trigger.get("kind"))
        for each in commands
        if isinstance(trigger := each.get("trigger"), Mapping)
    }


def _build_text(row: Any) -> PastText:
    return PastText(row.message_id, row.chat_id, row.joined or row.text, row.created_at)
