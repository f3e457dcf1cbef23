"""Registry of sinks: every kind, found by walking this folder; two of one name are an error."""

import importlib
import pkgutil
from functools import cache

from app.logs import sinks
from app.logs.sinks.contract import SinkKind
from app.signals import DomainError


class DuplicateSinkError(DomainError):
    """Two sinks that claim one kind."""

    code = "duplicate_sink"


@cache
def load_kinds() -> dict[str, type[SinkKind]]:
    """Return every kind of sink by its name, in the order of their titles; raises DuplicateSinkError."""
    found: dict[str, type[SinkKind]] = {}
    for entry in pkgutil.iter_modules(sinks.__path__, f"{sinks.__name__}."):
        module = importlib.import_module(entry.name)
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == entry.name and _is_kind(value):
                kind: str = vars(value)["kind"]
                if kind in found:
                    raise DuplicateSinkError(f"Two sinks claim the kind “{kind}”: rename one.")
                found[kind] = value
    return dict(sorted(found.items(), key=lambda each: each[1].title))


def _is_kind(value: type) -> bool:
    return isinstance(vars(value).get("kind"), str) and callable(getattr(value, "open", None))
