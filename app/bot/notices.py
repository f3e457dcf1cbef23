"""Notices of the provider for operators: pages by connection, unseen ones, who wants no marketing."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, literal_column, select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Connection, Notice
from app.bot.states import NoticeLevel, sql_any
from app.channels.content.notice_texts import NoticeText, describe_notice, find_person
from app.channels.content.tolerant import get_list, to_dict, to_millis
from app.db.after_commit import send_changed
from app.immutable import immutable
from app.phone_numbers import list_spellings

PAGE_SIZE: Final = 40
ALERT_COUNT: Final = 5
MAX_COUNT: Final = 1_000
# A person's notices that are looked through for their present choice.
_PREFERENCES: Final = 20
# Written out, both: only then does the planner see that the partial index covers them.
_NEEDS_SOMEBODY = literal_column(sql_any("notice.level", (NoticeLevel.WARN, NoticeLevel.BAD)))
_IS_UNSEEN = literal_column("notice.seen_at IS NULL")


@immutable
class NoticeItem:
    """A notice with its words, and the name of its connection; empty for one that belongs to none."""

    notice: Notice
    text: NoticeText
    connection: str

    @property
    def is_new(self) -> bool:
        """Whether it needs somebody, and nobody has seen it."""
        return self.notice.level != NoticeLevel.INFO and self.notice.seen_at is None

    @property
    def person(self) -> str:
        """The number or user id it is about, as it is shown; empty for none, and for a group."""
        name = self.notice.person or ""
        return f"+{name}" if name.isdecimal() else name if "." in name[:3] else ""


@immutable
class NoticePage:
    """Notices, newest first; `earlier` is where the next page begins, null on the last."""

    items: Sequence[NoticeItem]
    earlier: int | None


def list_notices(
    session: Session, connection_id: int | None = None, *, only_new: bool = False, before: int | None = None
) -> NoticePage:
    """Return a page of notices of one connection or of all, older than the notice `before`."""
    query = select(Notice, Connection.name).outerjoin(Connection, Connection.id == Notice.connection_id)
    if connection_id:
        query = query.where(Notice.connection_id == connection_id)
    if only_new:
        query = query.where(_NEEDS_SOMEBODY, _IS_UNSEEN)
    if before:
        query = query.where(Notice.id < before)
    rows = session.execute(query.order_by(Notice.id.desc()).limit(PAGE_SIZE + 1)).all()
    items = [_build_item(notice, name) for notice, name in rows[:PAGE_SIZE]]
    return NoticePage(items, items[-1].notice.id if len(rows) > PAGE_SIZE else None)


def list_alerts(session: Session) -> Sequence[NoticeItem]:
    """Return the newest notices that need somebody and that nobody has seen."""
    return list_notices(session, only_new=True).items[:ALERT_COUNT]


def count_unseen(session: Session) -> int:
    """Count the notices that need somebody and that nobody has seen; counting ends at MAX_COUNT."""
    found = select(Notice.id).where(_NEEDS_SOMEBODY, _IS_UNSEEN).limit(MAX_COUNT).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def count_unseen_by_connection(session: Session) -> dict[int, int]:
    """Count the notices that need somebody and that nobody has seen, by the id of their connection."""
    found = select(Notice.connection_id).where(_NEEDS_SOMEBODY, _IS_UNSEEN).limit(MAX_COUNT).subquery()
    query = select(found.c.connection_id, func.count()).group_by(found.c.connection_id)
    return {connection_id: number for connection_id, number in session.execute(query) if connection_id}


def mark_seen(session: Session, newest_id: int, now: int) -> int:
    """Mark the notices up to `newest_id` as seen and return how many were new; `now` in ms."""
    query = update(Notice).where(_NEEDS_SOMEBODY, _IS_UNSEEN, Notice.id <= newest_id).values(seen_at=now)
    marked = len(session.execute(query.returning(Notice.id)).all())
    if marked:
        send_changed(session, topics.dashboard())
    return marked


def find_marketing_stop(session: Session, connection_id: int, names: Sequence[str]) -> int | None:
    """Return when a person (number, user id) stopped marketing messages (ms); null when they take them."""
    spellings = {spelling for name in names for spelling in list_spellings(name)}
    query = select(Notice).where(
        Notice.connection_id == connection_id,
        Notice.person.in_(spellings),
        Notice.field == "user_preferences",
    )
    told = [
        (to_millis(choice.get("timestamp")) or notice.created_at, notice.id, choice.get("value"))
        for notice in session.scalars(query.order_by(Notice.id.desc()).limit(_PREFERENCES))
        for choice in map(to_dict, get_list(_load(notice), "user_preferences"))
        if find_person({"user_preferences": [choice]}) in spellings
    ]
    # By the provider's time: an older choice may come later.
    at, _, value = max(told, default=(0, 0, None), key=lambda each: each[:2])
    return at if value == "stop" else None


def _build_item(notice: Notice, connection: str | None) -> NoticeItem:
    return NoticeItem(notice, describe_notice(notice.field, _load(notice)), connection or "")


def _load(notice: Notice) -> dict[str, Any]:
    try:
        payload = json.loads(notice.payload)
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
