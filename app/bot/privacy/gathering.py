"""What a person said, gathered before it is erased: by it the copies are found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.models import Contact, Message, Run
from app.bot.privacy import subject
from app.bot.privacy.marks import DISTINCT, Marks
from app.bot.privacy.saved_tests import SENTENCE, Said
from app.bot.privacy.subject import Subject

BATCH: Final = 500
# What was pressed are words of the brain.
_PRESSED: Final = ("button", "list")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was said, and the groups it was said in."""

    said: Said
    groups: Sequence[int]


def gather(session: Session, found: Subject) -> Gathered:
    """Read everything a person said."""
    words = {name for name in _called(session, found) if len(name) >= DISTINCT}
    moments: set[int] = set()
    groups: set[int] = set()
    for batch in _messages(session, found):
        words |= {each.text for each in batch if each.direction == "in" and each.kind not in _PRESSED}
        moments |= _moments(session, [each.id for each in batch])
        groups |= {each.chat_id for each in batch} - set(found.chats)
        session.expunge_all()
    sentences = frozenset(each.strip() for each in words if len(each.strip()) >= SENTENCE)
    return Gathered(Said(Marks(found.names, words), sentences, frozenset(moments)), sorted(groups))


def _messages(session: Session, found: Subject) -> Iterator[Sequence[Message]]:
    for chat_id in found.chats:
        last = 0
        while True:
            query = select(Message).where(Message.chat_id == chat_id, Message.id > last)
            batch = list(session.scalars(query.order_by(Message.id).limit(BATCH)))
            if not batch:
                break
            last = batch[-1].id
            yield batch
    yield from subject.in_groups(session, found)


def _moments(session: Session, ids: Sequence[int]) -> set[int]:
    """Return the seconds in which runs of these messages began: a test made from them begins there."""
    journals = session.scalars(select(Run.journal).where(Run.message_id.in_(ids)))
    return {int(each["now"]) // 1000 for each in journals if each and "now" in each}


def _called(session: Session, found: Subject) -> Iterator[str]:
    for contact in session.scalars(select(Contact).where(Contact.id.in_(found.contacts))):
        yield from (contact.name, contact.username)
