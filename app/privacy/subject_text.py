"""Texts of a person, collected before their erasure to find copies."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.models import Contact, Message, Run
from app.bot.states import Direction
from app.brains.nlu.normalise import clean
from app.immutable import immutable
from app.privacy import subject
from app.privacy.recorded_tests import MIN_SENTENCE_LENGTH, Utterances
from app.privacy.redaction import MIN_PHRASE_LENGTH, Redactor
from app.privacy.subject import Subject

BATCH: Final = 500
# What was pressed are words of the brain.
_BUTTON_KINDS: Final = ("button", "list")


@immutable
class SubjectText:
    """Texts of a person, their groups, and where copies may be; `since` in ms."""

    utterances: Utterances
    group_chat_ids: Sequence[int]
    # Brains that answered, and the first message: copies are younger.
    brain_ids: Sequence[int]
    since: int


def collect_subject_text(session: Session, found: Subject) -> SubjectText:
    """Read every text of a person."""
    words = {name for name in _read_contact_names(session, found) if len(name) >= MIN_PHRASE_LENGTH}
    moments: set[tuple[int, str]] = set()
    groups: set[int] = set()
    brains: set[int] = set()
    first: list[int] = []
    for batch in _messages(session, found):
        words |= {
            each.text for each in batch if each.direction == Direction.IN and each.kind not in _BUTTON_KINDS
        }
        for begun, brain_id in _runs(session, batch):
            moments.add(begun)
            brains |= {brain_id} if brain_id else set()
        groups |= {each.chat_id for each in batch} - set(found.chat_ids)
        first = [min(first + [each.created_at for each in batch])]
        session.expunge_all()
    long = [each.strip() for each in words if len(each.strip()) >= MIN_SENTENCE_LENGTH]
    # As they are in tests, and as they become examples of an intent.
    sentences = frozenset([*long, *(clean(each).strip() for each in long)])
    parts = {part for each in words for part in _parts(each)}
    utterances = Utterances(Redactor(found.names, words | parts), sentences, frozenset(moments))
    return SubjectText(utterances, sorted(groups), sorted(brains), *(first or [0]))


def _parts(text: str) -> Iterator[str]:
    """Yield what brains make of a message: its long words, such as addresses, and all behind its first word."""
    yield from (word for word in text.split() if len(word) >= MIN_PHRASE_LENGTH)
    yield from text.split(maxsplit=1)[1:]


def _messages(session: Session, found: Subject) -> Iterator[Sequence[Message]]:
    for chat_id in found.chat_ids:
        last = 0
        while True:
            query = select(Message).where(Message.chat_id == chat_id, Message.id > last)
            batch = list(session.scalars(query.order_by(Message.id).limit(BATCH)))
            if not batch:
                break
            last = batch[-1].id
            yield batch
    yield from subject.read_all_group_messages(session, found)


def _runs(session: Session, batch: Sequence[Message]) -> Iterator[tuple[tuple[int, str], int | None]]:
    """Yield the second in which a run began and what it was about, as a test of it begins, and its brain."""
    texts = {each.id: each.text for each in batch}
    query = select(Run.message_id, Run.journal, Run.brain_id).where(Run.message_id.in_(texts))
    for message_id, journal, brain_id in session.execute(query):
        second = int((journal or {}).get("now", -1000)) // 1000
        yield (second, texts[message_id].strip()), brain_id


def _read_contact_names(session: Session, found: Subject) -> Iterator[str]:
    for contact in session.scalars(select(Contact).where(Contact.id.in_(found.contact_ids))):
        yield from (contact.name, contact.username)
