"""`ctx.memory`: snapshot with this run's own changes, and the record of reads."""

from __future__ import annotations

import datetime as dt
import marshal

from .. import limits  # noqa: TID252  the package has another name in the child
from .guards import ATTRIBUTES, split_words
from .language import LimitReachedError
from .plain import compute_size, describe_type, to_number, to_plain, to_short_text
from .shapes import TitledObject

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SCOPES = ("contact", "chat", "brain")


class Memory(TitledObject):
    """Variables of a script; scope is contact, chat or brain."""

    __slots__ = ("_add", "_call", "_snapshot", "changed", "reads")
    title = "ctx.memory"

    def __init__(
        self,
        snapshot: dict[str, dict[str, Any]],
        add: Callable[[list[Any]], None],
        call: Callable[[str, Any], Any],
    ) -> None:
        self._snapshot = snapshot
        self._add = add
        self._call = call
        self.changed: dict[str, dict[str, Any]] = {}
        self.reads: dict[tuple[str, str], None] = {}

    def _look(self, scope: str, key: str) -> Any:
        """Return the value as this run left it; None where there is none."""
        changed = self.changed.get(scope)
        if changed and key in changed:
            return changed[key]
        return self._snapshot.get(scope, {}).get(key)

    def set_overlay(self, scope: str, key: str, value: Any) -> None:
        """Override a value of the snapshot; None for a deleted one."""
        self.changed.setdefault(scope, {})[key] = value

    def apply_writes(self, writes: list[Any]) -> None:
        """Apply the changes of a called command over the snapshot."""
        for kind, scope, key, *rest in writes:
            if kind == "incr":
                self.set_overlay(scope, key, (self._look(scope, key) or 0) + rest[0])
            else:
                self.set_overlay(scope, key, rest[0] if rest else None)

    def get(self, key: str, default: Any = None, scope: str = "contact") -> Any:
        """Return a value, or the default; raises TypeError, ValueError."""
        key = _key(key, scope)
        self.reads[scope, key] = None
        value = self._look(scope, key)
        if value is None:
            return default
        # A copy: what a script does to it is remembered only when it is set again.
        return marshal.loads(marshal.dumps(value)) if type(value) in {list, dict} else value  # noqa: S302  our own

    def set(self, key: str, value: Any, ttl: Any = None, scope: str = "contact") -> None:
        """Keep a value, for `ttl` seconds or for good; raises TypeError, ValueError, LimitReachedError."""
        key = _key(key, scope)
        if value is None:
            self.delete(key, scope)
            return
        kept = to_plain(value, "A variable")
        size = compute_size(kept)
        if size > limits.MEMORY_VALUE_BYTES:
            raise LimitReachedError(
                f"The variable “{key}” has {size:,} bytes; {limits.MEMORY_VALUE_BYTES:,} are allowed."
            )
        self._add(["set", scope, key, kept, _ttl(ttl)])
        self.set_overlay(scope, key, kept)

    def incr(self, key: str, by: float = 1, ttl: Any = None, scope: str = "contact") -> int | float:
        """Add to a number, 0 at first, and return it; raises TypeError, LimitReachedError."""
        key = _key(key, scope)
        before = self._look(scope, key)
        if before is None:
            before = 0
        elif type(before) is not int and type(before) is not float:
            raise TypeError(f"the variable “{key}” is {describe_type(before)}; incr() needs a number")
        value = to_number(before + to_number(by, "“by”"), "The number")
        self._add(["incr", scope, key, by, _ttl(ttl)])
        self.set_overlay(scope, key, value)
        return value

    def delete(self, key: str, scope: str = "contact") -> None:
        """Forget a value; one that is not there is no error."""
        key = _key(key, scope)
        self._add(["del", scope, key])
        self.set_overlay(scope, key, None)

    def keys(self, scope: str = "contact") -> list[str]:
        """Return the names of all that is remembered, sorted."""
        _scope(scope)
        merged = {**self._snapshot.get(scope, {}), **self.changed.get(scope, {})}
        found = sorted(key for key, value in merged.items() if value is not None)
        for key in found:
            self.reads[scope, key] = None
        return found

    def top(self, key: str, n: int = 10, scope: str = "contact") -> list[dict[str, Any]]:
        """Return who has the highest numbers: `id`, `name`, `value`; raises CallError."""
        key = _key(key, scope)
        if type(n) is not int or not 1 <= n <= limits.MEMORY_TOP:
            raise ValueError(f"“n” is out of range; give 1 to {limits.MEMORY_TOP}")
        return self._call("memory.top", {"key": key, "n": n, "scope": scope})


ATTRIBUTES[Memory] = split_words("delete get incr keys set top")


def _scope(scope: Any) -> None:
    if scope not in _SCOPES:
        raise ValueError('this scope is not known; write scope="contact", "chat" or "brain"')


def _key(key: Any, scope: Any) -> str:
    _scope(scope)
    if type(key) is not str:
        raise TypeError(f"the name of a variable must be a text, not {describe_type(key)}")
    if key and len(key) <= limits.MEMORY_KEY_CHARS and key.isalnum():
        return key
    return to_short_text(key, "The name of a variable", limits.MEMORY_KEY_CHARS)


def _ttl(ttl: Any) -> int | None:
    if ttl is None:
        return None
    if type(ttl) is dt.timedelta:
        ttl = ttl.total_seconds()
    seconds = to_number(ttl, "“ttl”")
    if not 0 < seconds <= limits.MEMORY_SECONDS:
        raise ValueError(f"“ttl” is out of range; give seconds, 1 to {limits.MEMORY_SECONDS:,}")
    return max(1, int(seconds))
