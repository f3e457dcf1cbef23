"""Snapshot of the sandbox's processes for tests and diagnosis."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from app.immutable import immutable


@immutable
class ChildSnapshot:
    """Child between two runs; `pid` is its number in the zygote's namespace, `pidfd` the host's handle."""

    pid: int
    pidfd: int
    runs: int


@immutable
class PoolSnapshot:
    """Pool: idle children and running calls by owner, number of bound children, zygote and layers.

    `layers` holds what confines the zygote (app.brains.confined.confine), empty before it is up.
    """

    idle: Mapping[str, tuple[ChildSnapshot, ...]] = field(default_factory=dict)
    bound: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    zygote_pid: int | None = None
    layers: Mapping[str, int] = field(default_factory=dict)


@immutable
class SandboxSnapshot:
    """Sandbox: pools by language (script, template), compiled sources by owner and key."""

    pools: Mapping[str, PoolSnapshot]
    compiled: Mapping[tuple[str, str], Any]
