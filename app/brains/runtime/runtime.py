"""Runtime: chooses the command of each turn, runs it in the sandbox, returns outcomes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.contract import CallContext, Capabilities
from app.brains.document import arguments as args
from app.brains.document.prompts import PromptAction
from app.brains.effects.model import Reply
from app.brains.runtime import prompts
from app.brains.runtime.capability_calls import CapabilityCalls
from app.brains.runtime.command_calls import CommandCalls
from app.brains.runtime.finish import PreparedRun, build_journal, build_outcome, dump_error
from app.brains.runtime.outcome import Outcome, OutcomeOrFuture, compute_digest
from app.brains.runtime.pending_prompts import PendingPrompts
from app.brains.runtime.program import Choice, Program, choose_for, prepare_match
from app.brains.runtime.sandbox_job import RenderContext, build_job, pick_variant
from app.brains.runtime.trace import Cause, Trace
from app.brains.sandbox.types import Job, JobResult, RunResult, SandboxError, SandboxPort
from app.brains.triggers.contract import MatchInput
from app.brains.turn import Turn
from app.immutable import immutable, replace_fields

_MAX_TRACED = 50

# What a run needs of the sandbox: one job, or those that render the parts of a prompt.
PreparedJobs = Sequence[Job | RunResult | SandboxError]


# Characters of the end of a message that a trace keeps.
_SURPLUS_CHARS: Final = 200


@immutable
class RunRequest:
    """Turn to run on a program; with a `journal` every call is answered from it and nothing is sent."""

    program: Program
    turn: Turn
    capabilities: Capabilities = field(default_factory=dict)
    journal: Mapping[str, Any] | None = None
    measure: bool = False


class Runtime:
    """Runs turns on programs; safe to share between threads. `clock` counts nanoseconds."""

    def __init__(self, sandbox: SandboxPort, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._pending_prompts = PendingPrompts(clock)

    def run_many(self, requests: Sequence[RunRequest]) -> list[OutcomeOrFuture]:
        """Run all turns together; an operator's error is an outcome, never raised.

        A run that asks for something goes on by itself: its place holds a future.
        """
        plans = [self._plan(request) for request in requests]
        prepared_runs = [plan for plan in plans if isinstance(plan, tuple)]
        jobs = [job for _, prepared_jobs in prepared_runs for job in prepared_jobs if isinstance(job, Job)]
        results = iter(self._sandbox.run_many(jobs) if jobs else ())
        return [plan if isinstance(plan, Outcome) else self._finish(*plan, results) for plan in plans]

    def _finish(
        self, prepared: PreparedRun, prepared_jobs: PreparedJobs, results: Iterator[JobResult]
    ) -> OutcomeOrFuture:
        got = [next(results) if isinstance(job, Job) else job for job in prepared_jobs]
        prompted = prepared.context.entry.prompt
        if prompted:
            return self._pending_prompts.ask(
                prepared, prompted, [each for each in got if not isinstance(each, Future)]
            )
        return _chain(prepared, got[0]) if isinstance(got[0], Future) else build_outcome(prepared, got[0])

    def _plan(self, request: RunRequest) -> Outcome | tuple[PreparedRun, PreparedJobs]:
        """Choose a command and prepare its run; returns an outcome when there is nothing to run."""
        started = self._clock()
        program, turn = request.program, request.turn
        match_input = prepare_match(program, turn)
        choice, considered_count = choose_for(program, match_input)
        turn = _add_understanding(match_input, choice)
        trace = _build_trace(program, choice, considered_count)
        if turn.understanding:
            trace = replace_fields(trace, understanding=turn.understanding.to_trace())
        if choice is None:
            return self._finish_early(_build_no_match_outcome(turn, trace), turn, choice, started)
        if choice.block_reason:
            return self._finish_early(_build_blocked_outcome(choice, trace), turn, choice, started)
        declared = choice.entry.command.arguments
        values = _bind_arguments(choice, turn)
        if declared:
            trace = replace_fields(trace, arguments=values.values, surplus=values.surplus[:_SURPLUS_CHARS])
        if not values.is_complete:
            explained = _build_usage_outcome if turn.arguments is None else _build_invalid_outcome
            return self._finish_early(explained(choice, values, trace), turn, choice, started)
        context = RenderContext(
            program, turn, choice.entry, choice.match, values.values, turn.memory, turn.seed
        )
        calls = context.entry.script or _is_prompt(context)
        caller = CommandCalls(self._sandbox, context, self._build_calls(request)) if calls else None
        if len(context.entry.texts) > 1:
            trace = replace_fields(trace, variant=pick_variant(context.entry.texts, context.seed) + 1)
        prepared = PreparedRun(choice, context, caller, trace, self._compute_micros(started))
        if _is_prompt(context):
            return prepared, prompts.build_command_jobs(context, measure=request.measure)
        return prepared, [build_job(context, caller, measure=request.measure)]

    def _build_calls(self, request: RunRequest) -> CapabilityCalls:
        turn, program = request.turn, request.program
        asker = CallContext(
            program.brain_id,
            program.document.grants,
            turn.contact_id,
            turn.chat_id,
            turn.now,
            turn.message_id or None,
        )
        recorded = None if request.journal is None else request.journal.get("calls", ())
        return CapabilityCalls(request.capabilities, asker, recorded, self._clock)

    def _compute_micros(self, started: int) -> int:
        return (self._clock() - started) // 1000

    def _finish_early(self, outcome: Outcome, turn: Turn, choice: Choice | None, started: int) -> Outcome:
        micros, journal = self._compute_micros(started), build_journal(turn, choice)
        return replace_fields(outcome, micros=micros, journal=journal, digest=compute_digest(outcome))


def _add_understanding(match_input: MatchInput, choice: Choice | None) -> Turn:
    """Return the turn with what was understood of its message, where a trigger asked or the chosen code may look."""
    if choice and choice.entry.can_read_intents:
        match_input.understand()
    turn, found = match_input.turn, match_input.understood
    return turn if found is turn.understanding else replace_fields(turn, understanding=found)


def _bind_arguments(choice: Choice, turn: Turn) -> args.BoundArguments:
    """Return the values of a command's arguments: from those the turn names, or from the text after the trigger."""
    command = choice.entry.command
    if turn.arguments is not None:
        return args.bind(command.arguments, turn.arguments)
    values = args.parse(command.arguments, choice.match.rest)
    return args.refuse_surplus(values) if command.surplus == "refuse" else values


def _is_prompt(context: RenderContext) -> bool:
    return isinstance(context.entry.command.action, PromptAction)


def _chain(prepared: PreparedRun, future: "Future[RunResult | SandboxError]") -> "Future[Outcome]":
    """Return a future of the outcome, completed in the thread that completes the run."""
    ending: Future[Outcome] = Future()
    ending.set_running_or_notify_cancel()

    def settle(done: "Future[RunResult | SandboxError]") -> None:
        try:
            ending.set_result(build_outcome(prepared, done.result()))
        finally:
            # Whatever went wrong is reported by the futures' own machinery; who waits must not wait for ever.
            if not ending.done():
                ending.set_exception(RuntimeError("the run ended without an outcome"))

    future.add_done_callback(settle)
    return ending


def _build_trace(program: Program, choice: Choice | None, considered_count: int) -> Trace:
    """Build the trace of a choice: the commands checked, at most 50, and the one that won."""
    considered = [entry.miss_trace for entry in program.entries[: min(considered_count, _MAX_TRACED)]]
    if choice:
        verdict, why = (
            ("blocked", choice.block_reason) if choice.block_reason else ("won", "matches the message")
        )
        considered.append({"command": choice.entry.command.id, "verdict": verdict, "why": why})
    return Trace(considered=considered, considered_count=considered_count + (choice is not None))


def _build_no_match_outcome(turn: Turn, trace: Trace) -> Outcome:
    if turn.command_id:
        reason, cause = "the command it was to run is no longer there", Cause.COMMAND_GONE
    else:
        reason, cause = "no command matches this message", Cause.NO_MATCH
    return Outcome("silent", trace=replace_fields(trace, cause=cause, reason=reason))


def _build_blocked_outcome(choice: Choice, trace: Trace) -> Outcome:
    command = choice.entry.command
    trace = replace_fields(trace, cause=choice.block_cause, reason=f"“{command.name}” {choice.block_reason}")
    if choice.message:
        return Outcome("answered", (Reply(choice.message),), command.id, trace=trace)
    return Outcome("silent", command_id=command.id, trace=trace)


def _build_usage_outcome(choice: Choice, values: args.BoundArguments, trace: Trace) -> Outcome:
    """Build the outcome of an incomplete command: a reply with its argument's question, or with its usage."""
    usage = choice.entry.usage
    reason = values.problem or f"the argument {values.missing} is missing"
    trace = replace_fields(trace, cause=Cause.USAGE, reason=reason)
    text = values.ask or (f"{values.problem}\n{usage}" if values.problem else usage)
    return Outcome("answered", (Reply(text[: limits.REPLY_CHARS]),), choice.entry.command.id, trace=trace)


def _build_invalid_outcome(choice: Choice, values: args.BoundArguments, trace: Trace) -> Outcome:
    """Build a failed outcome for a command that nobody typed, who could read its usage."""
    why = values.problem or f"The argument {values.missing} is missing."
    error = SandboxError(
        "error", why, f"Give the arguments of “{choice.entry.command.name}” where it is scheduled."
    )
    trace = replace_fields(trace, cause=Cause.ERROR, error=dump_error(error))
    return Outcome("failed", (), choice.entry.command.id, why, trace, sandbox_error=error)
