"""What came of a turn, and the digest by which two runs of it are compared."""

import hashlib
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from app.brains.effects import Effect, Media, React, Reply, canonical_json
from app.brains.sandbox.wire import Fault


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a turn: answered (something to see), silent or failed; a failed run has no effects.

    `error` is in plain words, `fault` is the whole of it; `trace` and `journal` are JSON data; with the journal, the
    version and the message the run can be done again, and gives the same `digest`. `reads` are the remembered
    values it looked at, by scope and key.
    """

    status: str
    effects: tuple[Effect, ...] = ()
    command_id: str | None = None
    error: str | None = None
    trace: dict[str, Any] = field(default_factory=dict)
    micros: int = 0
    fault: Fault | None = None
    journal: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    reads: tuple[tuple[str, str], ...] = ()

    @property
    def repeatable(self) -> bool:
        """Whether the code alone decided this end; time, memory and processes are the machine's part."""
        return self.fault is None or self.fault.kind not in {"time", "memory", "crash", "sandbox"}


Ending = Outcome | Future[Outcome]


def status_of(effects: tuple[Effect, ...]) -> str:
    """Return answered when a person sees something of these effects, else silent."""
    return "answered" if any(isinstance(effect, (Reply, Media, React)) for effect in effects) else "silent"


def digest_of(outcome: Outcome, result: Any = None, output: str = "") -> str:
    """Return SHA-256, in hex, over all that a run has decided: the same in every process and at any time."""
    fault = outcome.fault and [outcome.fault.kind, outcome.fault.line]
    decided = [outcome.status, outcome.command_id, outcome.effects, result, output, fault]
    return hashlib.sha256(canonical_json(decided).encode()).hexdigest()
