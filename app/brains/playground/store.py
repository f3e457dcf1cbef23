"""Playgrounds in the database: one for each operator and brain, with conflict check."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.brains.playground.models import Playground
from app.brains.playground.session import State
from app.signals import DomainError


class StalePlayground(DomainError):
    """The playground was changed meanwhile, in another window perhaps."""

    code = "playground-stale"


def load(session: Session, user_id: int, brain_id: int) -> tuple[State | None, int]:
    """Return a user's playground of a brain and its edit count; None and 0 when there is none yet."""
    found = _find(session, user_id, brain_id)
    return (found.state, found.rev) if found else (None, 0)


def save(session: Session, owner: tuple[int, int], state: State, rev: int, now: int) -> None:
    """Store the playground of (user, brain) loaded at `rev`; `now` in ms; raises StalePlayground."""
    user_id, brain_id = owner
    if rev == 0:
        if _find(session, user_id, brain_id):
            raise StalePlayground("The phones were used in another window meanwhile. Try again.")
        row = Playground(user_id=user_id, brain_id=brain_id, state=state, rev=1, updated_at=now)
        session.add(row)
        return
    of_owner = (Playground.user_id == user_id, Playground.brain_id == brain_id, Playground.rev == rev)
    changed: Any = session.execute(
        update(Playground).where(*of_owner).values(state=state, rev=rev + 1, updated_at=now)
    )
    if changed.rowcount == 0:
        raise StalePlayground("The phones were used in another window meanwhile. Try again.")


def _find(session: Session, user_id: int, brain_id: int) -> Playground | None:
    query = select(Playground).where(Playground.user_id == user_id, Playground.brain_id == brain_id)
    return session.scalar(query)
