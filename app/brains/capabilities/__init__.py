"""Capabilities of scripts: each module of this folder with a `capability` is one, found by walking the folder.

Other packages use `KINDS`, `CALLS`, `contract` and `kind`, and the permissions (`HttpGrant` and so on) of each module.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from app.brains.capabilities.contract import Capabilities
from app.brains.capabilities.kind import CapabilityKind, Environment
from app.brains.capabilities.script_call import PlainCall
from app.brains.confined.context import Context
from app.brains.confined.guards import ATTRIBUTES


def discover() -> dict[str, CapabilityKind]:
    """Import every capability of this folder, in their order; two of one name, or part of `ctx`, are a ValueError."""
    found: dict[str, CapabilityKind] = {}
    taken = dict.fromkeys(ATTRIBUTES[Context], "ctx")
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        kind = getattr(import_module(f"{__name__}.{name}"), "capability", None)
        if not isinstance(kind, CapabilityKind):
            continue
        if kind.name in found:
            raise ValueError(f"two capabilities are called {kind.name!r}")
        for attribute in kind.attributes if kind.calls else ():
            if taken.setdefault(attribute, kind.name) != kind.name:
                raise ValueError(f"{kind.name!r} cannot have ctx.{attribute}: {taken[attribute]!r} has it")
        found[kind.name] = kind
    return dict(sorted(found.items(), key=lambda item: item[1].order))


KINDS: Final = discover()
# By method, such as http.get.
METHODS: Final = {method: kind for kind in KINDS.values() for method in kind.methods}
# What a script can call, by path, as plain data for the sandbox.
CALLS: Final[Mapping[str, PlainCall]] = {
    call.path: call.to_plain(kind.name, kind.purpose) for kind in KINDS.values() for call in kind.calls
}


def build_all(environment: Environment) -> Capabilities:
    """Return the capability that answers each method in an installation."""
    built = [(kind, kind.build(environment)) for kind in KINDS.values() if kind.methods]
    return {method: capability for kind, capability in built for method in kind.methods}
