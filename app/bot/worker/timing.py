"""Timing of a dispatcher: owner, lease, grace and sweep interval in ms, from the settings."""

from collections.abc import Callable

from app.immutable import immutable


@immutable
class WorkerTiming:
    """Lease, grace period and sweep interval of a dispatcher in ms, and its clock."""

    owner: str
    lease_ms: int
    grace_ms: int
    sweep_interval_ms: int
    clock: Callable[[], int]
