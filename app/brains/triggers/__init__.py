"""Kinds of triggers: each module of this folder but `contract` is one, found by walking the folder."""

import pkgutil
from importlib import import_module
from typing import Final, cast

from app.brains.triggers.contract import TriggerKind


def discover() -> dict[str, TriggerKind]:
    """Import every kind of this folder, in the order of their names; two of one name are a ValueError."""
    kinds: dict[str, TriggerKind] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if name == "contract":
            continue
        kind = cast("TriggerKind", import_module(f"{__name__}.{name}"))
        if kind.kind in kinds:
            raise ValueError(f"two trigger kinds are called {kind.kind!r}")
        kinds[kind.kind] = kind
    return kinds


KINDS: Final = discover()
