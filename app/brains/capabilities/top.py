"""Ask for the highest values a brain remembers under one key."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.brains import limits
from app.brains.capabilities.contract import Asker, CallRefused, known, text_of
from app.brains.models import Memory
from app.db import table_of

_c = table_of(Memory).c


def top(session: Session, asker: Asker, key: str, n: int, scope: str = "contact") -> list[tuple[int, float]]:
    """Return the `n` highest numbers under `key` with the ids of their contacts or chats, the highest first."""
    query = (
        select(_c.scope, _c.value)
        .where(
            _c.brain_id == asker.brain_id,
            _c.key == key,
            _c.number.is_not(None),
            or_(_c.expires_at.is_(None), _c.expires_at > asker.now),
        )
        .where(_c.scope.startswith(f"{scope}:", autoescape=True))
        .order_by(_c.number.desc(), _c.id)
        .limit(n)
    )
    return [(int(row.scope.partition(":")[2]), row.value) for row in session.execute(query)]


Names = Callable[[Session, str, Sequence[int]], Mapping[int, tuple[str, str]]]


class MemoryTop:
    """Answers `memory.top`; `read` opens a session, `names` gives stable id and name of contacts or chats."""

    grant = "memory"

    def __init__(self, read: Callable[[], AbstractContextManager[Session]], names: Names) -> None:
        self._read = read
        self._names = names

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return [{"id", "name", "value"}], the highest first; raises CallRefused."""
        known(arguments, frozenset({"key", "n", "scope"}))
        key, n = text_of(arguments, "key", limits.MEMORY_KEY_CHARS), arguments.get("n", 10)
        scope = arguments.get("scope", "contact")
        if type(n) is not int or not 1 <= n <= limits.MEMORY_TOP:
            raise CallRefused("limit", f"n must be between 1 and {limits.MEMORY_TOP}.")
        if scope not in {"contact", "chat"}:
            raise CallRefused("denied", "The highest values are those of a contact or of a chat.")
        with self._read() as session:
            found = top(session, asker, key, n, scope)
            names = self._names(session, scope, [number for number, _ in found])
        return [
            {
                "id": names.get(number, (str(number), ""))[0],
                "name": names.get(number, ("", ""))[1],
                "value": value,
            }
            for number, value in found
        ]
