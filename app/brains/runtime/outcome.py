"""Outcome of a turn, and the digest by which two runs are compared."""

import hashlib
from concurrent.futures import Future
from dataclasses import field
from typing import Any, NotRequired, TypedDict

from app.brains.effects.model import Effect, Media, React, Reply
from app.brains.runtime.trace import EMPTY_TRACE, Trace
from app.brains.sandbox.types import SandboxError
from app.brains.text import to_canonical_json
from app.immutable import immutable


class JournalCall(TypedDict):
    """Recorded external request: method, SHA-256 of its arguments, and its answer or (`ok` false) its refusal.

    `f` is there where the script was handed the answer in WhatsApp's formatting.
    """

    m: str
    a: str
    ok: bool
    v: Any
    f: NotRequired[bool]


class Journal(TypedDict, total=False):
    """What a run depended on and may differ another time, stored as JSON with its run; `now` in ms.

    `understanding` (app.brains.turn) is there where a trigger or the code asked. `asked` are the
    intents offered by “did you mean”, `question` the one that was answered (app.brains.did_you_mean) and `answer` the
    intent that was meant, empty = none of them. `sender` is id, name and phone;
    `rests` the command under cooldown and its end (ms); `past` pairs of role and text.
    """

    now: int
    seed: int
    sender: list[str | None]
    contact: int | None
    rests: list[Any]
    quoted: dict[str, Any]
    memory: dict[str, dict[str, Any]]
    past: list[list[str]]
    calls: list[JournalCall]
    understanding: dict[str, Any]
    asked: list[str]
    question: dict[str, Any]
    answer: str


@immutable
class Outcome:
    """Outcome of a turn: answered (something visible), silent or failed; a failed run has no effects.

    `error` is in plain words, `sandbox_error` is the whole of it; `journal` is JSON data; with the journal, the
    version and the message the run can be done again, and gives the same `digest`. `reads` are the remembered
    values it looked at, by scope and key.
    """

    status: str
    effects: tuple[Effect, ...] = ()
    command_id: str | None = None
    error: str | None = None
    trace: Trace = EMPTY_TRACE
    micros: int = 0
    sandbox_error: SandboxError | None = None
    journal: Journal = field(default_factory=Journal)
    digest: str = ""
    reads: tuple[tuple[str, str], ...] = ()

    @property
    def is_repeatable(self) -> bool:
        """Whether the code alone determined the outcome, not time, memory or processes of the machine."""
        return self.sandbox_error is None or self.sandbox_error.kind not in {
            "time",
            "memory",
            "crash",
            "sandbox",
        }


OutcomeOrFuture = Outcome | Future[Outcome]


def compute_status(effects: tuple[Effect, ...]) -> str:
    """Return answered when some of these effects are visible to a person, else silent."""
    return "answered" if any(isinstance(effect, (Reply, Media, React)) for effect in effects) else "silent"


def compute_digest(outcome: Outcome, result: Any = None, output: str = "") -> str:
    """Return the SHA-256 (hex) of everything a run decided: the same in every process and at any time."""
    error = outcome.sandbox_error and [outcome.sandbox_error.kind, outcome.sandbox_error.line]
    decided = [outcome.status, outcome.command_id, outcome.effects, result, output, error]
    return hashlib.sha256(to_canonical_json(decided).encode()).hexdigest()
