"""Kinds of AI providers: each module of this folder is one, found by walking the folder."""

import pkgutil
from importlib import import_module
from typing import Final, cast

from app.brains.ai.contract import ProviderKind


def discover() -> dict[str, ProviderKind]:
    """Import every kind of this folder, in the order of their names; two of one name are a ValueError."""
    kinds: dict[str, ProviderKind] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        kind = cast("ProviderKind", import_module(f"{__name__}.{name}"))
        if kind.kind in kinds:
            raise ValueError(f"two kinds of AI providers are called {kind.kind!r}")
        kinds[kind.kind] = kind
    return kinds


KINDS: Final = discover()
