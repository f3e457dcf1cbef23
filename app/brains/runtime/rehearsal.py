"""Test on past messages: recorded turns run on a draft and compared with their recorded outcome.

Nothing goes out and nothing is kept: calls are answered from the records, effects are only compared.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from app.brains.capabilities import METHODS
from app.brains.capabilities.contract import Capabilities
from app.brains.effects.model import Effect, Increment, MemoryEffect
from app.brains.memory.branch import EVERYTHING, BranchView, MemoryBranch
from app.brains.memory.overlay import MemoryValues
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program
from app.brains.runtime.replay import NO_ANSWER, CooldownBranch, RecordedCalls, restore_turn
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.trace import EMPTY_TRACE, Trace
from app.brains.text import to_canonical_json
from app.brains.turn import Turn
from app.immutable import immutable

SAME: Final = "same"
CHANGED: Final = "changed"
SILENT: Final = "silent"
FAILING: Final = "failing"
ANSWERING: Final = "answering"
NEW_CALL: Final = "new_call"
UNSURE: Final = "unsure"
# What changed, the worst first.
KINDS: Final = (FAILING, SILENT, CHANGED, ANSWERING, NEW_CALL, UNSURE)

_DRAFT_MEMORY: Final = "It ran on what the draft would have remembered from the messages before it."
_DOUBTFUL_MEMORY: Final = (
    "What the draft would remember here is not certain: what an earlier message changes in the variables is not known, "
    "so this result may differ."
)
_NO_MEMORY: Final = "It reads variables, and their values were not recorded with this message."


@immutable
class RecordedRun:
    """Recorded run: the turn as its message alone gives it, the journal, and the outcome.

    `version_id` is null where no brain was asked; `digest` is null where its effects were not taken.
    """

    turn: Turn
    journal: Mapping[str, Any]
    status: str
    version_id: int | None = None
    command_id: str | None = None
    digest: str | None = None
    micros: int = 0
    trace: Trace = EMPTY_TRACE


@immutable
class RunResult:
    """Result of a message, recorded or with the draft; `effects` None = the machine ended the run."""

    status: str
    command: str = ""
    effects: tuple[Effect, ...] | None = ()
    why: str = ""


@immutable
class Comparison:
    """Comparison of one message: recorded result, the draft's result, and the kind of difference.

    `calls` are those the draft makes, `new_calls` (in words) those without a recorded answer.
    """

    recorded: RecordedRun
    kind: str
    before: RunResult
    after: RunResult
    micros: int = 0
    calls: tuple[str, ...] = ()
    new_calls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@immutable
class Forecast:
    """Run times, recorded and with the draft (microseconds at the median and the 95th percentile), and calls."""

    before_micros: tuple[int, int]
    after_micros: tuple[int, int]
    calls_before: Mapping[str, int]
    calls_after: Mapping[str, int]


class Rehearsal:
    """Runs recorded turns on a draft; `recorded` returns an earlier run's version, `cooldowns` the draft's so far."""

    def __init__(
        self,
        draft: Program,
        recorded: Callable[[int], Program | None],
        runtime: Runtime,
        cooldowns: CooldownBranch | None = None,
    ) -> None:
        self._draft = draft
        self._recorded = recorded
        self._runtime = runtime
        self._branch = MemoryBranch()
        self._cooldowns = cooldowns or CooldownBranch(draft)

    def run(self, recorded_runs: Sequence[RecordedRun]) -> list[Comparison]:
        """Run turns, oldest first, on the draft and compare; runs with a different outcome are also replayed.

        Each message runs on what the draft would have remembered from those before it, and on its own cooldowns.
        """
        # One after the other where anything is remembered or rests: each may change what the next one finds.
        if not self._draft.has_cooldowns and not self._uses_memory(recorded_runs):
            return self._run_together(recorded_runs)
        return [self._run_together([each])[0] for each in recorded_runs]

    def _run_together(self, recorded_runs: Sequence[RecordedRun]) -> list[Comparison]:
        recordings = [RecordedCalls(each.journal, each.trace) for each in recorded_runs]
        views = [
            self._branch.read(_name_owners(each), self._get_recorded_memory(each), each.journal["now"])
            for each in recorded_runs
        ]
        outcomes = self._run_requests(
            [
                self._build_request(each, view.entries, dict.fromkeys(METHODS, recording))
                for each, view, recording in zip(recorded_runs, views, recordings, strict=True)
            ]
        )
        pairs = zip(recorded_runs, outcomes, strict=True)
        again = self._replay([each for each, outcome in pairs if each.digest != outcome.digest])
        compared = []
        for each, view, outcome, recording in zip(recorded_runs, views, outcomes, recordings, strict=True):
            found = self._compare(each, outcome, recording, again.get(each.turn.message_id))
            compared.append(self._note_memory(found, view, outcome))
            self._cooldowns.apply(outcome.effects)
            # With an answer that is not known the draft may have done something else.
            branch = None if found.new_calls else _list_memory(found.after)
            self._branch.apply(_name_owners(each), _list_memory(found.before), branch, each.journal["now"])
        return compared

    def _uses_memory(self, recorded_runs: Sequence[RecordedRun]) -> bool:
        programs = {each.version_id: self._get_recorded_program(each) for each in recorded_runs}
        return any(program and program.needs_memory for program in (self._draft, *programs.values()))

    def _build_request(
        self, recorded_run: RecordedRun, memory: MemoryValues, capabilities: Capabilities
    ) -> RunRequest:
        journal = recorded_run.journal
        turn = restore_turn(self._draft, recorded_run.turn, journal)
        program = self._get_recorded_program(recorded_run)
        cooldowns = self._cooldowns.read(turn, journal.get("rests"), program)
        # What the draft makes of the message is its own model's business.
        own = replace(turn, memory=memory, cooldowns=cooldowns, understanding=None)
        return RunRequest(self._draft, own, capabilities)

    def _get_recorded_program(self, recorded_run: RecordedRun) -> Program | None:
        return self._recorded(recorded_run.version_id) if recorded_run.version_id else None

    def _get_recorded_memory(self, recorded_run: RecordedRun) -> MemoryValues | None:
        """Return the variables a message had; None when they were not recorded."""
        program = self._get_recorded_program(recorded_run)
        entry = program.by_id.get(recorded_run.command_id or "") if program else None
        # A run that could look found nothing where nothing was recorded.
        nothing = {} if entry and entry.can_read_memory else None
        return recorded_run.journal.get("memory", nothing)

    def _note_memory(self, compared: Comparison, view: BranchView, outcome: Outcome) -> Comparison:
        """Say on which variables a message ran, where that may explain its result."""
        entry = self._draft.by_id.get(outcome.command_id or "")
        if entry is None or not entry.can_read_memory:
            return compared
        counted = [(each.scope, each.key) for each in outcome.effects if isinstance(each, Increment)]
        reads = EVERYTHING if outcome.status == "failed" else (*outcome.reads, *counted)
        if view.has_doubtful(reads):
            kind = UNSURE if compared.kind == SAME else compared.kind
            return replace(compared, kind=kind, notes=(*compared.notes, _DOUBTFUL_MEMORY))
        if compared.kind == SAME:
            return compared
        if view.has_unknown(reads):
            return replace(compared, notes=(*compared.notes, _NO_MEMORY))
        recorded = self._get_recorded_memory(compared.recorded) or {}
        is_other = any(recorded.get(word, {}) != entries for word, entries in view.entries.items())
        return replace(compared, notes=(*compared.notes, _DRAFT_MEMORY)) if is_other else compared

    def _replay(self, recorded_runs: Sequence[RecordedRun]) -> dict[int, tuple[Program, Outcome]]:
        """Replay recorded runs to learn their effects, by message; only their digests were stored."""
        known = [
            (recorded_run, program)
            for recorded_run in recorded_runs
            if recorded_run.version_id
            and recorded_run.digest
            and (program := self._recorded(recorded_run.version_id))
        ]
        requests = [
            RunRequest(
                program,
                restore_turn(program, recorded_run.turn, recorded_run.journal),
                journal=recorded_run.journal,
            )
            for recorded_run, program in known
        ]
        outcomes = self._run_requests(requests)
        return {
            recorded_run.turn.message_id: (program, outcome)
            for (recorded_run, program), outcome in zip(known, outcomes, strict=True)
        }

    def _run_requests(self, requests: Sequence[RunRequest]) -> list[Outcome]:
        endings = self._runtime.run_many(requests) if requests else []
        return [ending.result() if isinstance(ending, Future) else ending for ending in endings]

    def _compare(
        self,
        recorded_run: RecordedRun,
        outcome: Outcome,
        recording: RecordedCalls,
        again: tuple[Program, Outcome] | None,
    ) -> Comparison:
        after = _build_result(self._draft, outcome)
        micros, calls = outcome.micros + recording.waited_ms * 1000, tuple(recording.methods)
        # The digest of a failure names its kind and line, not its words.
        equal = bool(recorded_run.digest) and recorded_run.digest == outcome.digest
        if equal and outcome.status != "failed" and not recording.new_methods:
            return Comparison(recorded_run, SAME, after, after, micros, calls)
        before = _build_recorded_result(recorded_run, again)
        new_calls = _list_new_calls(outcome, recording)
        kind = NEW_CALL if new_calls else _classify_difference(before, after)
        return Comparison(recorded_run, kind, before, after, micros, calls, new_calls)


def compute_forecast(compared: Sequence[Comparison]) -> Forecast:
    """Sum up run times and calls, recorded and with the draft."""
    played = [each for each in compared if each.recorded.version_id]
    then = Counter(str(call.get("m")) for each in compared for call in each.recorded.journal.get("calls", ()))
    return Forecast(
        _compute_percentiles([each.recorded.micros for each in played]),
        _compute_percentiles([each.micros for each in compared]),
        then,
        Counter(method for each in compared for method in each.calls),
    )


def _name_owners(recorded_run: RecordedRun) -> Mapping[str, str]:
    chat, contact = f"chat:{recorded_run.turn.chat_id}", recorded_run.journal["contact"]
    return {"contact": chat if contact is None else f"contact:{contact}", "chat": chat + ":all", "brain": ""}


def _list_memory(side: RunResult) -> list[MemoryEffect] | None:
    effects = side.effects
    return None if effects is None else [each for each in effects if isinstance(each, MemoryEffect)]


def _build_result(program: Program, outcome: Outcome) -> RunResult:
    entry = program.by_id.get(outcome.command_id or "")
    why = outcome.error or outcome.trace.reason
    return RunResult(outcome.status, entry.command.name if entry else "", outcome.effects, why)


def _build_recorded_result(recorded_run: RecordedRun, again: tuple[Program, Outcome] | None) -> RunResult:
    """Build the recorded result, from the replayed run where that is the same, else from its record."""
    if again and again[1].digest == recorded_run.digest:
        return _build_result(*again)
    entry = again[0].by_id.get(recorded_run.command_id or "") if again else None
    error = recorded_run.trace.error
    why = (error and error["message"]) or recorded_run.trace.reason
    known = recorded_run.version_id is None or recorded_run.status == "failed"
    return RunResult(recorded_run.status, entry.command.name if entry else "", () if known else None, why)


def _classify_difference(before: RunResult, after: RunResult) -> str:
    if before.status != after.status:
        if after.status == "failed":
            return FAILING
        if after.status == "answered":
            return ANSWERING
        return SILENT if before.status == "answered" else CHANGED
    if before.status == "failed":
        return SAME if before.why == after.why else CHANGED
    same = before.effects is None or to_canonical_json(before.effects) == to_canonical_json(after.effects)
    return SAME if same else CHANGED


def _list_new_calls(outcome: Outcome, recording: RecordedCalls) -> tuple[str, ...]:
    lines = [line for line in outcome.trace.calls if line.get("why") == NO_ANSWER]
    descriptions = tuple(f"{line['method']} {line['short']}".strip() for line in lines)
    return descriptions or tuple(recording.new_methods)


def _compute_percentiles(values: Sequence[int]) -> tuple[int, int]:
    ranked = sorted(values)
    if not ranked:
        return 0, 0
    return ranked[(len(ranked) - 1) // 2], ranked[min(len(ranked) * 95 // 100, len(ranked) - 1)]
