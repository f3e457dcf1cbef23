"""Rehearses a draft: recorded turns are run on it again, and what comes of each is held against what came then.

Nothing goes out and nothing is kept: calls are answered from the records, effects are only compared.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from app.brains.calls import METHODS, argument_hash
from app.brains.capabilities.contract import Asker, CallRefused, Capabilities
from app.brains.effects import Effect, canonical_json
from app.brains.outcome import Outcome
from app.brains.program import Program
from app.brains.replay import recorded_turn
from app.brains.runtime import Request, Runtime
from app.brains.turn import Turn

SAME: Final = "same"
CHANGED: Final = "changed"
SILENT: Final = "silent"
FAILING: Final = "failing"
ANSWERING: Final = "answering"
NEW_CALL: Final = "new_call"
# What changed, the worst first.
KINDS: Final = (FAILING, SILENT, CHANGED, ANSWERING, NEW_CALL)

_NO_ANSWER: Final = "This call was not made when the message came, so there is no recorded answer."
_NO_MEMORY: Final = "It looks at what is remembered, and that was not recorded with this message."


@dataclass(frozen=True, slots=True)
class Past:
    """A recorded run: the turn as its message alone tells it, the journal, and what came of it.

    `version_id` is null where no brain was asked; `digest` is null where its effects were not taken.
    """

    turn: Turn
    journal: Mapping[str, Any]
    status: str
    version_id: int | None = None
    command_id: str | None = None
    digest: str | None = None
    micros: int = 0
    trace: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """What came of a message, then or with the draft; `effects` is null where the machine alone ended the run."""

    status: str
    command: str = ""
    effects: tuple[Effect, ...] | None = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One message: what came of it then, what the draft makes of it, and in which way the two differ.

    `calls` are those the draft makes, `new_calls` (in words) those without a recorded answer.
    """

    past: Past
    kind: str
    before: Side
    after: Side
    micros: int = 0
    calls: tuple[str, ...] = ()
    new_calls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long runs take, then and with the draft (microseconds at the median and the 95th percentile), and calls."""

    before: tuple[int, int]
    after: tuple[int, int]
    calls_before: Mapping[str, int]
    calls_after: Mapping[str, int]


class Recording:
    """Answers a run's calls from the record of an earlier run, in whatever order they are asked now."""

    grant = ""

    def __init__(self, journal: Mapping[str, Any], trace: Mapping[str, Any]) -> None:
        self.made: list[str] = []
        self.new: list[str] = []
        self.waited = 0  # ms
        self._left = list(_timed(journal.get("calls", ()), trace.get("calls", ())))

    def answer(self, method: str, arguments: Mapping[str, Any], asker: Asker) -> Any:  # noqa: ARG002  the seam's
        """Return what was answered then; raises CallRefused as it was, or when there is no record of this call."""
        self.made.append(method)
        asked = (method, argument_hash(arguments))
        for place, (call, took) in enumerate(self._left):
            if (call.get("m"), call.get("a")) == asked:
                del self._left[place]
                self.waited += took
                if call["ok"]:
                    return call["v"]
                raise CallRefused(call["v"]["kind"], call["v"]["message"])
        self.new.append(method)
        raise CallRefused("unavailable", _NO_ANSWER)


class Rehearsal:
    """Runs recorded turns on a draft; `recorded` gives the compiled version of an earlier run, null when it is gone."""

    def __init__(self, draft: Program, recorded: Callable[[int], Program | None], runtime: Runtime) -> None:
        self._draft = draft
        self._recorded = recorded
        self._runtime = runtime

    def play(self, pasts: Sequence[Past]) -> list[Compared]:
        """Run turns together on the draft and compare; runs whose outcome differs are also done again as they were."""
        recordings = [Recording(past.journal, past.trace) for past in pasts]
        outcomes = self._run(
            [
                _request(self._draft, past, dict.fromkeys(METHODS, recording))
                for past, recording in zip(pasts, recordings, strict=True)
            ]
        )
        again = self._again(
            [past for past, outcome in zip(pasts, outcomes, strict=True) if past.digest != outcome.digest]
        )
        return [
            self._compared(past, outcome, recording, again.get(past.turn.message_id))
            for past, outcome, recording in zip(pasts, outcomes, recordings, strict=True)
        ]

    def _again(self, pasts: Sequence[Past]) -> dict[int, tuple[Program, Outcome]]:
        """Do recorded runs again to learn their effects, by message; only their digests were kept."""
        known = [
            (past, program)
            for past in pasts
            if past.version_id and past.digest and (program := self._recorded(past.version_id))
        ]
        requests = [
            Request(program, recorded_turn(program, past.turn, past.journal), journal=past.journal)
            for past, program in known
        ]
        outcomes = self._run(requests)
        return {
            past.turn.message_id: (program, outcome)
            for (past, program), outcome in zip(known, outcomes, strict=True)
        }

    def _run(self, requests: Sequence[Request]) -> list[Outcome]:
        endings = self._runtime.run_many(requests) if requests else []
        return [ending.result() if isinstance(ending, Future) else ending for ending in endings]

    def _compared(
        self, past: Past, outcome: Outcome, recording: Recording, again: tuple[Program, Outcome] | None
    ) -> Compared:
        after = _side(self._draft, outcome)
        micros, calls = outcome.micros + recording.waited * 1000, tuple(recording.made)
        # The digest of a failure names its kind and line, not its words.
        equal = bool(past.digest) and past.digest == outcome.digest and outcome.status != "failed"
        if equal and not recording.new:
            return Compared(past, SAME, after, after, micros, calls)
        before = _before(past, again)
        new_calls = _new_calls(outcome, recording)
        kind = NEW_CALL if new_calls else _difference(before, after)
        notes = (_NO_MEMORY,) if kind != SAME and self._lacks_memory(past, outcome, again) else ()
        return Compared(past, kind, before, after, micros, calls, new_calls, notes)

    def _lacks_memory(self, past: Past, outcome: Outcome, again: tuple[Program, Outcome] | None) -> bool:
        """Tell whether the draft's command looks at a memory that nobody had looked at then."""
        entry = self._draft.by_id.get(outcome.command_id or "")
        then = again[0].by_id.get(past.command_id or "") if again else None
        looked = then is not None and then.looks
        return entry is not None and entry.looks and not looked and "memory" not in past.journal


def forecast(compared: Sequence[Compared]) -> Forecast:
    """Sum up what runs take and ask for, then and with the draft."""
    played = [each for each in compared if each.past.version_id]
    then = Counter(str(call.get("m")) for each in compared for call in each.past.journal.get("calls", ()))
    return Forecast(
        _percentiles([each.past.micros for each in played]),
        _percentiles([each.micros for each in compared]),
        then,
        Counter(method for each in compared for method in each.calls),
    )


def _request(draft: Program, past: Past, capabilities: Capabilities) -> Request:
    return Request(draft, recorded_turn(draft, past.turn, past.journal), capabilities)


def _timed(calls: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]) -> Any:
    """Pair recorded calls with how long each took (ms): a trace also has lines of calls that never went out."""
    left = list(lines)
    for call in calls:
        place = next((n for n, line in enumerate(left) if line.get("method") == call.get("m")), None)
        took = left.pop(place).get("ms", 0) if place is not None else 0
        yield call, int(took)


def _side(program: Program, outcome: Outcome) -> Side:
    entry = program.by_id.get(outcome.command_id or "")
    why = outcome.error or str(outcome.trace.get("reason") or "")
    return Side(outcome.status, entry.command.name if entry else "", outcome.effects, why)


def _before(past: Past, again: tuple[Program, Outcome] | None) -> Side:
    """Say what came of a message then, from the run done again where that is the same, else from its record."""
    if again and again[1].digest == past.digest:
        return _side(*again)
    entry = again[0].by_id.get(past.command_id or "") if again else None
    error = past.trace.get("error") or {}
    why = str(error.get("message") or past.trace.get("reason") or "")
    known = past.version_id is None or past.status == "failed"
    return Side(past.status, entry.command.name if entry else "", () if known else None, why)


def _difference(before: Side, after: Side) -> str:
    if before.status != after.status:
        if after.status == "failed":
            return FAILING
        if after.status == "answered":
            return ANSWERING
        return SILENT if before.status == "answered" else CHANGED
    if before.status == "failed":
        return SAME if before.why == after.why else CHANGED
    same = before.effects is None or canonical_json(before.effects) == canonical_json(after.effects)
    return SAME if same else CHANGED


def _new_calls(outcome: Outcome, recording: Recording) -> tuple[str, ...]:
    lines = [line for line in outcome.trace.get("calls", ()) if line.get("why") == _NO_ANSWER]
    told = tuple(f"{line['method']} {line['short']}".strip() for line in lines)
    return told or tuple(recording.new)


def _percentiles(values: Sequence[int]) -> tuple[int, int]:
    ranked = sorted(values)
    if not ranked:
        return 0, 0
    return ranked[(len(ranked) - 1) // 2], ranked[min(len(ranked) * 95 // 100, len(ranked) - 1)]
