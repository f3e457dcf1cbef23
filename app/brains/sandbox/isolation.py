"""Isolation level of the sandbox (full, hardened, basic, none) from the layers in force."""

from collections.abc import Mapping
from typing import Self

from app.brains.confined.confine import LANDLOCK, NAMESPACES, SECCOMP
from app.immutable import immutable


@immutable
class IsolationLevel:
    """Isolation level of the children: full, hardened, basic or none, with notes on what is missing."""

    name: str
    namespaces: bool
    landlock: int  # ABI, 0 = none
    seccomp: bool
    notes: tuple[str, ...] = ()

    @classmethod
    def from_layers(cls, in_force: Mapping[str, int], notes: tuple[str, ...] = ()) -> Self:
        """Return the level of the layers a zygote reports."""
        namespaces, landlock, seccomp = (in_force.get(name, 0) for name in (NAMESPACES, LANDLOCK, SECCOMP))
        confined = "full" if namespaces else "hardened"
        name = "none" if not seccomp else confined if landlock else "basic"
        return cls(name, bool(namespaces), landlock, bool(seccomp), notes)

    @property
    def is_safe(self) -> bool:
        """Whether operators' code may run without the installation's unsafe flag."""
        return self.seccomp

    def __str__(self) -> str:
        parts = {
            "namespaces": self.namespaces,
            f"Landlock {self.landlock}": self.landlock,
            "seccomp": self.seccomp,
        }
        found = ", ".join(name for name, there in parts.items() if there) or "limits only"
        return "; ".join([f"{self.name} ({found})", *self.notes])
