"""Runtime: chooses the command of each turn, runs it in the sandbox, returns outcomes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field
from typing import Any, Final

from app.brains.capabilities.contract import CallContext, Capabilities
from app.brains.document import arguments as args
from app.brains.document.prompts import PromptAction
from app.brains.runtime import prompts
from app.brains.runtime.capability_calls import CapabilityCalls
from app.brains.runtime.command_calls import CommandCalls
from app.brains.runtime.finish import (
    PreparedRun,
    build_blocked_outcome,
    build_invalid_outcome,
    build_journal,
    build_no_match_outcome,
    build_outcome,
    build_usage_outcome,
)
from app.brains.runtime.outcome import Outcome, OutcomeOrFuture, compute_digest
from app.brains.runtime.pending_prompts import PendingPrompts
from app.brains.runtime.program import Program
from app.brains.runtime.sandbox_job import RenderContext, build_job, pick_variant
from app.brains.runtime.selection.command_choice import Choice
from app.brains.runtime.selection.turn_selection import Selection, select
from app.brains.sandbox.types import Job, JobResult, RunResult, SandboxError, SandboxPort
from app.brains.turn import Turn
from app.immutable import immutable, replace_fields

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
        started, program = self._clock(), request.program
        selected = select(program, request.turn)
        turn, choice, trace = selected.turn, selected.choice, selected.trace
        if selected.said or choice is None:
            said = selected.said or build_no_match_outcome(turn, trace)
            return self._finish_early(said, selected, started)
        if choice.block_reason:
            return self._finish_early(build_blocked_outcome(choice, trace), selected, started)
        declared = choice.entry.command.arguments
        values = _bind_arguments(choice, turn)
        if declared:
            trace = replace_fields(trace, arguments=values.values, surplus=values.surplus[:_SURPLUS_CHARS])
        if not values.is_complete:
            explained = build_usage_outcome if turn.arguments is None else build_invalid_outcome
            return self._finish_early(explained(choice, values, trace), selected, started)
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

    def _finish_early(self, outcome: Outcome, selected: Selection, started: int) -> Outcome:
        micros, journal = self._compute_micros(started), build_journal(selected.turn, selected.choice)
        if selected.asked:
            journal["asked"] = list(selected.asked)
        if selected.choice and selected.choice.effects:
            outcome = replace_fields(outcome, effects=(*outcome.effects, *selected.choice.effects))
        return replace_fields(outcome, micros=micros, journal=journal, digest=compute_digest(outcome))


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
