"""The ways in which attacks are run; each must hold."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from app.brains.confined.confine import LAYERS, NAMESPACES
from app.brains.sandbox import STICKY, STRICT, Sandbox
from app.brains.sandbox.zygote import ENTRY

RAW_ENTRY = Path(__file__).with_name("raw_zygote.py")


@dataclass(frozen=True, slots=True)
class Mode:
    """How a sandbox is set up; `raw` leaves the language layer out, `then` says who runs what comes after (a, b)."""

    name: str
    is_sticky: bool
    raw: bool = False
    layers: Collection[str] = LAYERS
    then: str = "b"
    allow_unsafe: bool = False

    def sandbox(self) -> Sandbox:
        """Start a sandbox: one child for the attacker, one for the neighbour, so that reuse is not hidden."""
        entry = RAW_ENTRY if self.raw else ENTRY
        mode = STICKY if self.is_sticky else STRICT
        return Sandbox(3, mode=mode, layers=self.layers, entry=entry, allow_unsafe=self.allow_unsafe)


_HARDENED = LAYERS - {NAMESPACES}
_ALL = (
    Mode("sticky", is_sticky=True, then="ba"),
    Mode("strict", is_sticky=False),
    Mode("os-only", is_sticky=False, raw=True),
    Mode("hardened-sticky", is_sticky=True, layers=_HARDENED, then="ba"),
    Mode("hardened-strict", is_sticky=False, layers=_HARDENED),
    Mode("hardened-os-only", is_sticky=False, raw=True, layers=_HARDENED),
)
MODES = {mode.name: mode for mode in _ALL}
# Not a mode that must hold: one process without the language layer for run after run.
REUSED = Mode("reused-raw", is_sticky=True, raw=True, then="a")
# Nor this one: in namespaces of its own, but free to make every system call.
LOOSENED = Mode("loosened", is_sticky=False, raw=True, layers={NAMESPACES}, allow_unsafe=True)
CONTROLS = {mode.name: mode for mode in (REUSED, LOOSENED)}
