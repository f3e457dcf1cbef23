"""Bulk actions on failed messages (send again, dismiss): batch size, progress, cancel, undo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import topics
from app.accounts.users import User
from app.bot.failures import queries, redrive
from app.bot.failures.catalog import CAUSES
from app.bot.failures.queries import FailureFilter, FailureGroup
from app.bot.failures.redrive import Actor
from app.bot.models import Attempt, BulkAction, Message
from app.bot.states import ACCEPTED_STATES, UNDELIVERED_STATES, FailureAction, MessageState
from app.db.after_commit import send_changed
from app.db.change_notes import name_action
from app.immutable import immutable
from app.signals import DomainError

# So small that messages that come meanwhile hardly wait.
BATCH: Final = 100
# Ticked one by one; more are asked for by the group.
MAX_IDS: Final = 1_000
RECENT_LIMIT: Final = 3
RECENT_MS: Final = 3_600_000  # ms an action that has ended stays on the page

# What was done, in words, to one message and to several.
ACTION_WORDS: Final = {
    "again": "queued to be sent again",
    "aside": "dismissed",
    "back": "reopened",
    "as_sent": "resolved as arrived",
    "as_failed": "resolved as not arrived",
}

Action = Callable[[Session, int, int, Actor], bool]
ACTIONS: Final[Mapping[str, Action]] = {
    FailureAction.RETRY: redrive.retry,
    FailureAction.DISMISS: redrive.dismiss,
    FailureAction.RESTORE: redrive.restore,
    FailureAction.SETTLE_SENT: lambda session, row, now, by: redrive.settle(
        session, row, now, arrived=True, by=by
    ),
    FailureAction.SETTLE_FAILED: lambda session, row, now, by: redrive.settle(
        session, row, now, arrived=False, by=by
    ),
}


class EmptyBulkActionError(DomainError):
    """An action without any message."""

    code = "nothing_to_do"


@immutable
class BulkActionRequest:
    """An action on the failures of a cause, all that the filters select or those of `ids`; by whom."""

    action: str
    cause_id: str
    failure_filter: FailureFilter = field(default_factory=FailureFilter)
    ids: Sequence[int] | None = None
    user_id: int | None = None


@immutable
class BulkActionProgress:
    """An action with who asked for it and, of messages sent again, how many were accepted, failed or are waiting."""

    bulk_action: BulkAction
    user_name: str
    accepted: int = 0
    failed: int = 0
    waiting: int = 0


def create(session: Session, request: BulkActionRequest, now: int) -> BulkAction:
    """Store an action; raises EmptyBulkActionError when there is no such message (any more)."""
    ids = None if request.ids is None else sorted(set(request.ids))[:MAX_IDS]
    group = _group(session, request)
    total = len(ids) if ids is not None else group.count
    if not total or request.action not in ACTIONS:
        raise EmptyBulkActionError(
            "There is nothing left to do here: the state of these messages has changed meanwhile."
        )
    action = BulkAction(
        action=request.action,
        cause=request.cause_id,
        filters=_to_stored_filter(request.failure_filter, group),
        ids=ids,
        user_id=request.user_id,
        total=total,
        seen=0,
        done=0,
        position=0,
        last_id=ids[-1] if ids else group.newest,
        created_at=now,
        cancelled=False,
    )
    session.add(action)
    session.flush()
    name_action(session, f"failures: {ACTION_WORDS[request.action]}")
    send_changed(session, topics.failures())
    return action


def run_next(session: Session, now: int) -> set[int]:
    """Run one batch of the oldest action; returns the chats in which something changed."""
    query = select(BulkAction).where(BulkAction.ended_at.is_(None)).order_by(BulkAction.id).limit(1)
    action = session.scalars(query.with_for_update(skip_locked=True)).first()
    return run_batch(session, action, now) if action else set()


def run_batch(session: Session, bulk_action: BulkAction, now: int) -> set[int]:
    """Run one batch of an action; whatever has moved on meanwhile is left alone."""
    ids = _next(session, bulk_action)
    chats: set[int] = set()
    # By chat, so that two processes take their locks in one order.
    places = select(Message.id, Message.chat_id).where(Message.id.in_(ids))
    for message_id, chat_id in sorted(session.execute(places), key=lambda row: (row.chat_id, row.id)):
        # What was put away together is marked with one moment, to be found again.
        at = bulk_action.created_at if bulk_action.action == FailureAction.DISMISS else now
        if ACTIONS[bulk_action.action](session, message_id, at, Actor(bulk_action.user_id, bulk_action.id)):
            bulk_action.done += 1
            chats.add(chat_id)
    send_changed(session, topics.failures())
    bulk_action.seen += len(ids)
    bulk_action.position = max(ids, default=bulk_action.last_id)
    if len(ids) < BATCH or bulk_action.position >= bulk_action.last_id:
        bulk_action.ended_at = now
    return chats


def cancel(session: Session, bulk_action_id: int, now: int) -> bool:
    """End an action after its present batch; false when it has ended already."""
    action = session.get(BulkAction, bulk_action_id, with_for_update=True, populate_existing=True)
    if action is None or action.ended_at is not None:
        return False
    action.ended_at, action.cancelled = now, True
    name_action(session, "failures: cancelled")
    send_changed(session, topics.failures())
    return True


def undo(session: Session, bulk_action_id: int, user_id: int | None, now: int) -> BulkAction | None:
    """Reopen what an action has dismissed; None when it dismissed nothing."""
    action = session.get(BulkAction, bulk_action_id)
    if action is None or action.action != FailureAction.DISMISS:
        return None
    cancel(session, bulk_action_id, now)
    together = select(func.count(), func.max(Message.id)).where(Message.dismissed_at == action.created_at)
    total, last_id = session.execute(together).one()
    if not total:
        return None
    back = BulkAction(
        action=FailureAction.RESTORE,
        cause=action.cause,
        filters={"aside_at": action.created_at},
        user_id=user_id,
        total=total,
        seen=0,
        done=0,
        position=0,
        last_id=last_id,
        created_at=now,
        cancelled=False,
    )
    session.add(back)
    session.flush()
    name_action(session, "failures: brought back")
    send_changed(session, topics.failures())
    return back


def list_recent(session: Session, now: int) -> list[BulkActionProgress]:
    """Return the bulk actions under way and the last that have ended within the hour, the latest first."""
    query = (
        select(BulkAction, User)
        .outerjoin(User, User.id == BulkAction.user_id)
        .where(BulkAction.created_at > now - RECENT_MS)
        .order_by(BulkAction.id.desc())
        .limit(RECENT_LIMIT)
    )
    return [_progress(session, action, user) for action, user in session.execute(query)]


def _progress(session: Session, bulk_action: BulkAction, user: User | None) -> BulkActionProgress:
    who = (user.name or user.email) if user else ""
    if bulk_action.action != FailureAction.RETRY:
        return BulkActionProgress(bulk_action, who)
    mine = select(Attempt.message_id).where(Attempt.bulk_action_id == bulk_action.id)
    query = select(Message.state, func.count()).where(Message.id.in_(mine)).group_by(Message.state)
    states: dict[str, int] = {row[0]: row[1] for row in session.execute(query)}
    taken = sum(states.get(state, 0) for state in (*ACCEPTED_STATES, MessageState.DONE))
    failed = sum(states.get(state, 0) for state in UNDELIVERED_STATES)
    return BulkActionProgress(bulk_action, who, taken, failed, sum(states.values()) - taken - failed)


def _group(session: Session, request: BulkActionRequest) -> FailureGroup:
    none = FailureGroup(CAUSES[request.cause_id])
    if request.ids is not None:
        return none
    found = queries.list_groups(session, request.failure_filter)
    return next((each for each in found if each.cause.id == request.cause_id), none)


def _to_stored_filter(failure_filter: FailureFilter, group: FailureGroup) -> dict[str, Any]:
    narrowed = {each.name: getattr(failure_filter, each.name) for each in fields(FailureFilter)}
    return {**narrowed, "codes": sorted(group.codes, key=str)}


def _next(session: Session, bulk_action: BulkAction) -> list[int]:
    if bulk_action.ids is not None:
        return [each for each in bulk_action.ids if each > bulk_action.position][:BATCH]
    if "aside_at" in bulk_action.filters:
        together = select(Message.id).where(Message.dismissed_at == bulk_action.filters["aside_at"])
        return list(
            session.scalars(
                together.where(Message.id > bulk_action.position).order_by(Message.id).limit(BATCH)
            )
        )
    stored = dict(bulk_action.filters)
    group = FailureGroup(CAUSES[bulk_action.cause], codes=set(stored.pop("codes")))
    return queries.list_ids_between(
        session, FailureFilter(**stored), group, (bulk_action.position, bulk_action.last_id), BATCH
    )
