"""Subjects of groups: told by notices, applied by their own time; number of notices looked through."""

import json
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection as Db
from sqlalchemy import or_, select, update

from app.bot.models import Chat, Notice
from app.channels.content.notice_texts import find_group_titles

# Notices of a group that are looked through for its subject.
_NOTICES: Final = 20


def find_title(db: Db, connection_id: int, group_id: str) -> tuple[str, int | None]:
    """Return the newest subject of a group that notices told before its first message came, and since when (ms)."""
    query = select(Notice.payload, Notice.created_at).where(
        Notice.connection_id == connection_id, Notice.person == group_id
    )
    found: tuple[str, int | None] = "", None
    for row in db.execute(query.order_by(Notice.id.desc()).limit(_NOTICES)):
        for about, title, at in _read_titles(row.payload):
            since = at or row.created_at
            # Of the same second, what came last.
            if about == group_id and (found[1] is None or since > found[1]):
                found = title, since
    return found


def _read_titles(payload: str) -> list[tuple[str, str, int]]:
    try:
        return find_group_titles(json.loads(payload))
    except (ValueError, RecursionError):
        return []


def rename(db: Db, connection_id: int, titles: Iterable[tuple[str, str, int]], now: int) -> set[int]:
    """Give the chats of groups their subjects and return those that changed; an older subject changes nothing."""
    changed: set[int] = set()
    for group_id, title, at in titles:
        since = at or now
        is_newer = or_(Chat.title_at.is_(None), Chat.title_at <= since)
        of_group = (Chat.connection_id == connection_id) & (Chat.group_id == group_id) & is_newer
        renamed = update(Chat).where(of_group, Chat.title != title).values(title=title).returning(Chat.id)
        changed |= set(db.execute(renamed).scalars())
        db.execute(update(Chat).where(of_group).values(title_at=since))
    return changed
