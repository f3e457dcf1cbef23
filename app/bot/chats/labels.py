"""Labels: words in colours that operators put on chats."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.bot.models import Chat, ChatLabel, Label
from app.db import storable
from app.signals import DomainError

COLOURS = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
MAX_LABELS = 100
MAX_NAME = 40


class LabelRefused(DomainError):
    """A label that cannot be made or changed as asked."""

    code = "label"


def list_labels(session: Session) -> list[Label]:
    """List all labels by name."""
    return list(session.scalars(select(Label).order_by(Label.name_key)))


def labels_of(session: Session, chat_ids: Sequence[int]) -> Mapping[int, list[Label]]:
    """Return the labels of chats, by name."""
    query = (
        select(ChatLabel.chat_id, Label)
        .join(Label, Label.id == ChatLabel.label_id)
        .where(ChatLabel.chat_id.in_(chat_ids))
        .order_by(Label.name_key)
    )
    found: dict[int, list[Label]] = {}
    for chat_id, label in session.execute(query):
        found.setdefault(chat_id, []).append(label)
    return found


def make(session: Session, name: str, colour: str, now: int) -> Label:
    """Make a label, or return the one of that name; raises LabelRefused."""
    clean = _clean(name)
    known = session.scalar(select(Label).where(Label.name_key == clean.lower()))
    if known:
        return known
    if (session.scalar(select(func.count(Label.id))) or 0) >= MAX_LABELS:
        raise LabelRefused(f"There are {MAX_LABELS} labels already: use one of them, or delete one first.")
    label = Label(name=clean, name_key=clean.lower(), colour=_colour(colour), created_at=now)
    session.add(label)
    session.flush()
    return label


def change(session: Session, label_id: int, name: str, colour: str) -> Label | None:
    """Give a label another name or colour; None when there is no such label. Raises LabelRefused."""
    label, clean = session.get(Label, label_id), _clean(name)
    if label is None:
        return None
    taken = session.scalar(select(Label.id).where(Label.name_key == clean.lower(), Label.id != label_id))
    if taken:
        raise LabelRefused(f"There is another label “{clean}”: choose another name.")
    label.name, label.name_key, label.colour = clean, clean.lower(), _colour(colour)
    return label


def remove(session: Session, label_id: int) -> tuple[Label, list[int]] | None:
    """Delete a label and take it off its chats, which are returned for the undo."""
    label = session.get(Label, label_id)
    if label is None:
        return None
    chats = list(session.scalars(select(ChatLabel.chat_id).where(ChatLabel.label_id == label_id)))
    session.execute(delete(ChatLabel).where(ChatLabel.label_id == label_id))
    session.delete(label)
    return label, chats


def put(session: Session, chat_ids: Iterable[int], label_id: int) -> int:
    """Put a label on chats; returns how many did not have it."""
    if session.get(Label, label_id) is None:
        raise LabelRefused("This label was deleted meanwhile: choose another one.")
    there = session.scalars(select(Chat.id).where(Chat.id.in_(list(chat_ids))))
    rows = [{"chat_id": chat_id, "label_id": label_id} for chat_id in there]
    if not rows:
        return 0
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    query = dialect.insert(ChatLabel).values(rows).on_conflict_do_nothing().returning(ChatLabel.chat_id)
    return len(session.execute(query).all())


def take(session: Session, chat_ids: Iterable[int], label_id: int) -> int:
    """Take a label off chats; returns how many had it."""
    query = delete(ChatLabel).where(ChatLabel.chat_id.in_(list(chat_ids)), ChatLabel.label_id == label_id)
    return len(session.execute(query.returning(ChatLabel.chat_id)).all())


def _clean(name: str) -> str:
    clean = storable(" ".join(name.split()))
    if not 0 < len(clean) <= MAX_NAME:
        raise LabelRefused(f"Give the label a name of 1 to {MAX_NAME} characters.")
    return clean


def _colour(colour: str) -> str:
    return colour if colour in COLOURS else COLOURS[0]
