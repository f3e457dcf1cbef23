"""Errands: what an operator asks to be done with many failures, worked off in small batches, each exactly once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import User
from app.bot import failures, redrive
from app.bot.causes import CAUSES
from app.bot.failures import Group, Wish
from app.bot.models import Attempt, Errand, Message
from app.bot.redrive import By
from app.signals import DomainError

# So small that messages that come meanwhile hardly wait.
BATCH: Final = 100
# Ticked one by one; more are asked for by the group.
MOST_IDS: Final = 1_000
SHOWN: Final = 3
LATELY: Final = 3_600_000  # ms an errand that has ended stays on the page
TAKEN: Final = ("sent", "delivered", "read", "played")

Act = Callable[[Session, int, int, By], bool]
ACTS: Final[Mapping[str, Act]] = {
    "again": redrive.replay,
    "aside": redrive.set_aside,
    "back": redrive.bring_back,
    "as_sent": lambda session, row, now, by: redrive.settle(session, row, now, arrived=True, by=by),
    "as_failed": lambda session, row, now, by: redrive.settle(session, row, now, arrived=False, by=by),
}


class NothingToDo(DomainError):
    """An errand without any message."""

    code = "nothing_to_do"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: an act on the failures of a cause, all that `wish` names or those of `ids`; by whom."""

    act: str
    cause_id: str
    wish: Wish = field(default_factory=Wish)
    ids: Sequence[int] | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """An errand with who asked for it and, of messages sent again, how many WhatsApp has taken, refused, not yet."""

    errand: Errand
    who: str
    taken: int = 0
    failed: int = 0
    waiting: int = 0


def begin(session: Session, asked: Asked, now: int) -> Errand:
    """Store an errand; raises NothingToDo when there is no such message (any more)."""
    ids = None if asked.ids is None else sorted(set(asked.ids))[:MOST_IDS]
    group = _group(session, asked)
    total = len(ids) if ids is not None else group.count
    if not total or asked.act not in ACTS:
        raise NothingToDo("There is nothing to do here any more: these messages have moved on meanwhile.")
    errand = Errand(
        act=asked.act,
        cause=asked.cause_id,
        wish=_kept(asked.wish, group),
        ids=ids,
        user_id=asked.user_id,
        total=total,
        seen=0,
        done=0,
        place=0,
        upto=ids[-1] if ids else group.newest,
        created_at=now,
        cancelled=False,
    )
    session.add(errand)
    session.flush()
    return errand


def advance(session: Session, now: int) -> set[int]:
    """Work off one batch of the oldest errand; returns the chats in which something changed."""
    query = select(Errand).where(Errand.ended_at.is_(None)).order_by(Errand.id).limit(1)
    errand = session.scalars(query.with_for_update(skip_locked=True)).first()
    return work(session, errand, now) if errand else set()


def work(session: Session, errand: Errand, now: int) -> set[int]:
    """Work off one batch of an errand; whatever has moved on meanwhile is left alone."""
    ids = _next(session, errand)
    chats: set[int] = set()
    # By chat, so that two processes take their locks in one order.
    places = select(Message.id, Message.chat_id).where(Message.id.in_(ids))
    for message_id, chat_id in sorted(session.execute(places), key=lambda row: (row.chat_id, row.id)):
        # What was put away together is marked with one moment, to be found again.
        at = errand.created_at if errand.act == "aside" else now
        if ACTS[errand.act](session, message_id, at, By(errand.user_id, errand.id)):
            errand.done += 1
            chats.add(chat_id)
    errand.seen += len(ids)
    errand.place = max(ids, default=errand.upto)
    if len(ids) < BATCH or errand.place >= errand.upto:
        errand.ended_at = now
    return chats


def cancel(session: Session, errand_id: int, now: int) -> bool:
    """End an errand after its present batch; false when it has ended already."""
    errand = session.get(Errand, errand_id, with_for_update=True, populate_existing=True)
    if errand is None or errand.ended_at is not None:
        return False
    errand.ended_at, errand.cancelled = now, True
    return True


def undo(session: Session, errand_id: int, user_id: int | None, now: int) -> Errand | None:
    """Bring back what an errand has set aside; null when it is none of that kind."""
    errand = session.get(Errand, errand_id)
    if errand is None or errand.act != "aside":
        return None
    cancel(session, errand_id, now)
    together = select(func.count(), func.max(Message.id)).where(Message.aside_at == errand.created_at)
    total, upto = session.execute(together).one()
    if not total:
        return None
    back = Errand(
        act="back", cause=errand.cause, wish={"aside_at": errand.created_at}, user_id=user_id, total=total, seen=0,
        done=0, place=0, upto=upto, created_at=now, cancelled=False,
    )  # fmt: skip
    session.add(back)
    session.flush()
    return back


def recent(session: Session, now: int) -> list[Progress]:
    """Return the errands under way and the last that have ended within the hour, the latest first."""
    query = (
        select(Errand, User)
        .outerjoin(User, User.id == Errand.user_id)
        .where(Errand.created_at > now - LATELY)
        .order_by(Errand.id.desc())
        .limit(SHOWN)
    )
    return [_progress(session, errand, user) for errand, user in session.execute(query)]


def _progress(session: Session, errand: Errand, user: User | None) -> Progress:
    who = (user.name or user.email) if user else ""
    if errand.act != "again":
        return Progress(errand, who)
    mine = select(Attempt.message_id).where(Attempt.errand_id == errand.id)
    query = select(Message.state, func.count()).where(Message.id.in_(mine)).group_by(Message.state)
    states: dict[str, int] = {row[0]: row[1] for row in session.execute(query)}
    taken = sum(states.get(state, 0) for state in (*TAKEN, "done"))
    failed = states.get("failed", 0) + states.get("dead", 0)
    return Progress(errand, who, taken, failed, sum(states.values()) - taken - failed)


def _group(session: Session, asked: Asked) -> Group:
    none = Group(CAUSES[asked.cause_id])
    if asked.ids is not None:
        return none
    found = failures.groups(session, asked.wish)
    return next((each for each in found if each.cause.id == asked.cause_id), none)


def _kept(wish: Wish, group: Group) -> dict[str, Any]:
    narrowed = {name: getattr(wish, name) for name in Wish.__slots__}
    return {**narrowed, "codes": sorted(group.codes, key=str)}


def _next(session: Session, errand: Errand) -> list[int]:
    if errand.ids is not None:
        return [each for each in errand.ids if each > errand.place][:BATCH]
    if "aside_at" in errand.wish:
        together = select(Message.id).where(Message.aside_at == errand.wish["aside_at"])
        return list(
            session.scalars(together.where(Message.id > errand.place).order_by(Message.id).limit(BATCH))
        )
    wish = dict(errand.wish)
    group = Group(CAUSES[errand.cause], codes=set(wish.pop("codes")))
    return failures.following(session, Wish(**wish), group, (errand.place, errand.upto), BATCH)
