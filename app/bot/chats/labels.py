"""Labels of chats: colours, limits, create, change, attach."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Chat, ChatLabel, Label
from app.db.after_commit import send_changed
from app.db.statements import build_insert
from app.signals import DomainError
from app.text import to_storable

COLOURS = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
MAX_LABELS = 100
MAX_NAME = 40


class LabelError(DomainError):
    """A label that cannot be made or changed as asked."""

    code = "label"


def list_labels(session: Session) -> list[Label]:
    """List all labels by name."""
    return list(session.scalars(select(Label).order_by(Label.name_key)))


def count_chats(session: Session) -> Mapping[int, int]:
    """Return how many chats have each label, by its id."""
    query = select(ChatLabel.label_id, func.count()).group_by(ChatLabel.label_id)
    return dict(session.execute(query).all())


def list_labels_by_chat(session: Session, chat_ids: Sequence[int]) -> Mapping[int, list[Label]]:
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


def create(session: Session, name: str, colour: str, now: int) -> Label:
    """Make a label, or return the one of that name; raises LabelError."""
    clean = _parse_name(name)
    known = session.scalar(select(Label).where(Label.name_key == clean.lower()))
    if known:
        return known
    if (session.scalar(select(func.count(Label.id))) or 0) >= MAX_LABELS:
        raise LabelError(f"There are {MAX_LABELS} labels already: use one of them, or delete one first.")
    label = Label(name=clean, name_key=clean.lower(), colour=_colour(colour), created_at=now)
    session.add(label)
    session.flush()
    send_changed(session, topics.chats())
    return label


def change(session: Session, label_id: int, name: str, colour: str) -> Label | None:
    """Give a label another name or colour; None when there is no such label. Raises LabelError."""
    label, clean = session.get(Label, label_id), _parse_name(name)
    if label is None:
        return None
    taken = session.scalar(select(Label.id).where(Label.name_key == clean.lower(), Label.id != label_id))
    if taken:
        raise LabelError(f"There is another label “{clean}”: choose another name.")
    label.name, label.name_key, label.colour = clean, clean.lower(), _colour(colour)
    send_changed(session, topics.chats())
    return label


def remove(session: Session, label_id: int) -> tuple[Label, list[int]] | None:
    """Delete a label and take it off its chats, which are returned for the undo."""
    label = session.get(Label, label_id)
    if label is None:
        return None
    chats = list(session.scalars(select(ChatLabel.chat_id).where(ChatLabel.label_id == label_id)))
    session.execute(delete(ChatLabel).where(ChatLabel.label_id == label_id))
    session.delete(label)
    _send_changed(session, chats)
    return label, chats


def attach(session: Session, chat_ids: Iterable[int], label_id: int) -> int:
    """Put a label on chats; returns how many did not have it."""
    if session.get(Label, label_id) is None:
        raise LabelError("This label was deleted meanwhile: choose another one.")
    there = session.scalars(select(Chat.id).where(Chat.id.in_(list(chat_ids))))
    rows = [{"chat_id": chat_id, "label_id": label_id} for chat_id in there]
    if not rows:
        return 0
    query = (
        build_insert(session, ChatLabel).values(rows).on_conflict_do_nothing().returning(ChatLabel.chat_id)
    )
    return _send_changed(session, session.scalars(query).all())


def detach(session: Session, chat_ids: Iterable[int], label_id: int) -> int:
    """Take a label off chats; returns how many had it."""
    query = delete(ChatLabel).where(ChatLabel.chat_id.in_(list(chat_ids)), ChatLabel.label_id == label_id)
    return _send_changed(session, session.scalars(query.returning(ChatLabel.chat_id)).all())


def _send_changed(session: Session, chat_ids: Sequence[int]) -> int:
    """Send browsers that the labels of chats have changed; returns how many chats."""
    if chat_ids:
        send_changed(session, topics.chats(), *map(topics.chat, chat_ids))
    return len(chat_ids)


def _parse_name(name: str) -> str:
    clean = to_storable(" ".join(name.split()))
    if not 0 < len(clean) <= MAX_NAME:
        raise LabelError(f"Give the label a name of 1 to {MAX_NAME} characters.")
    return clean


def _colour(colour: str) -> str:
    return colour if colour in COLOURS else COLOURS[0]
