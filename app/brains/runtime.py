"""Runs a brain on turns: choose a command in this process, run its code in the sandbox, return effects."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from app.brains import arguments as args
from app.brains import limits, prompting
from app.brains.caller import Caller
from app.brains.calls import Calls
from app.brains.capabilities.contract import Asker, Capabilities
from app.brains.decision import job_of, pick
from app.brains.effects import Reply
from app.brains.ending import Begun, conclude, error_data, journal_of
from app.brains.outcome import Ending, Outcome, digest_of
from app.brains.program import Choice, Explained, Program, choose, compile_program, explain
from app.brains.prompts import PromptAction
from app.brains.questions import Questions
from app.brains.sandbox.wire import Done, Fault, Job
from app.brains.scene import Scene
from app.brains.turn import Sender, Turn

__all__ = [
    "Ending",
    "Explained",
    "Outcome",
    "Program",
    "Request",
    "Runtime",
    "Sender",
    "Turn",
    "compile_program",
    "explain",
]

_TRACED = 50

Result = Done | Fault | Future[Done | Fault]
# What a run needs of the sandbox: one job, or those that render the parts of a prompt.
Wanted = Sequence[Job | Done | Fault]


class Runs(Protocol):
    """The sandbox, as far as the runtime needs it."""

    def run_many(self, jobs: Sequence[Job]) -> list[Done | Fault | Future[Done | Fault]]:
        """Run all jobs; a future stands for one that goes on by itself."""
        ...

    def run(self, job: Job) -> Done | Fault:
        """Run one job and wait for it."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A turn to run on a program. With a `journal` every call is answered from it and nothing goes out."""

    program: Program
    turn: Turn
    capabilities: Capabilities = field(default_factory=dict)
    journal: Mapping[str, Any] | None = None
    measure: bool = False


class Runtime:
    """Runs turns on programs; safe to share between threads. `clock` counts nanoseconds."""

    def __init__(self, sandbox: Runs, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._questions = Questions(clock)

    def run_many(self, requests: Sequence[Request]) -> list[Ending]:
        """Run all turns together; an operator's error is an outcome, never raised.

        A run that asks for something goes on by itself: its place holds a future.
        """
        plans = [self._plan(request) for request in requests]
        begun = [plan for plan in plans if isinstance(plan, tuple)]
        jobs = [job for _, wanted in begun for job in wanted if isinstance(job, Job)]
        results = iter(self._sandbox.run_many(jobs) if jobs else ())
        return [plan if isinstance(plan, Outcome) else self._ended(*plan, results) for plan in plans]

    def _ended(self, begun: Begun, wanted: Wanted, results: Iterator[Result]) -> Ending:
        got = [next(results) if isinstance(job, Job) else job for job in wanted]
        prompted = begun.scene.entry.prompt
        if prompted:
            return self._questions.ask(
                begun, prompted, [each for each in got if not isinstance(each, Future)]
            )
        return _chained(begun, got[0]) if isinstance(got[0], Future) else conclude(begun, got[0])

    def _plan(self, request: Request) -> Outcome | tuple[Begun, Wanted]:
        """Choose a command and prepare its run; an outcome when there is nothing to run."""
        started = self._clock()
        program, turn = request.program, request.turn
        choice, asked = choose(program, turn)
        trace = _considered(program, choice, asked)
        if choice is None:
            gone = "the command it was to run is no longer there"
            trace["reason"] = gone if turn.command_id else "no command fits this message"
            return self._settled(Outcome("silent", trace=trace), turn, choice, started)
        if choice.blocked:
            return self._settled(_blocked(choice, trace), turn, choice, started)
        declared = choice.entry.command.arguments
        if turn.arguments is None:
            values = args.parse(declared, choice.match.rest)
        else:
            values = args.bind(declared, turn.arguments)
        if declared:
            trace["arguments"] = values.values
        if not values.complete:
            explained = _usage if turn.arguments is None else _unfit
            return self._settled(explained(choice, values, trace), turn, choice, started)
        scene = Scene(program, turn, choice.entry, choice.match, values.values, turn.memory, turn.seed)
        calls = scene.entry.script or _is_prompt(scene)
        caller = Caller(self._sandbox, scene, self._calls(request)) if calls else None
        if len(scene.entry.texts) > 1:
            trace["variant"] = pick(scene.entry.texts, scene.seed) + 1
        begun = Begun(choice, scene, caller, trace, self._micros(started))
        if _is_prompt(scene):
            return begun, prompting.begin(scene, measure=request.measure)
        return begun, [job_of(scene, caller, measure=request.measure)]

    def _calls(self, request: Request) -> Calls:
        turn, program = request.turn, request.program
        asker = Asker(
            program.brain_id,
            program.document.grants,
            turn.contact_id,
            turn.chat_id,
            turn.now,
            turn.message_id or None,
        )
        recorded = None if request.journal is None else request.journal.get("calls", ())
        return Calls(request.capabilities, asker, recorded, self._clock)

    def _micros(self, started: int) -> int:
        return (self._clock() - started) // 1000

    def _settled(self, outcome: Outcome, turn: Turn, choice: Choice | None, started: int) -> Outcome:
        micros, journal = self._micros(started), journal_of(turn, choice)
        return replace(outcome, micros=micros, journal=journal, digest=digest_of(outcome))


def _is_prompt(scene: Scene) -> bool:
    return isinstance(scene.entry.command.action, PromptAction)


def _chained(begun: Begun, future: "Future[Done | Fault]") -> "Future[Outcome]":
    """Return a future of the outcome, settled in the thread that settles the run."""
    ending: Future[Outcome] = Future()
    ending.set_running_or_notify_cancel()

    def settle(done: "Future[Done | Fault]") -> None:
        try:
            ending.set_result(conclude(begun, done.result()))
        finally:
            # Whatever went wrong is reported by the futures' own machinery; who waits must not wait for ever.
            if not ending.done():
                ending.set_exception(RuntimeError("the run ended without an outcome"))

    future.add_done_callback(settle)
    return ending


def _considered(program: Program, choice: Choice | None, asked: int) -> dict[str, Any]:
    """Begin a trace: who was asked and lost, at most 50 of them, and who won."""
    considered = [entry.lost for entry in program.entries[: min(asked, _TRACED)]]
    if choice:
        verdict, why = ("blocked", choice.blocked) if choice.blocked else ("won", "fits the message")
        considered.append({"command": choice.entry.command.id, "verdict": verdict, "why": why})
    return {"considered": considered, "considered_count": asked + (choice is not None)}


def _blocked(choice: Choice, trace: dict[str, Any]) -> Outcome:
    command = choice.entry.command
    trace["reason"] = f"“{command.name}” {choice.blocked}"
    if choice.message:
        return Outcome("answered", (Reply(choice.message),), command.id, trace=trace)
    return Outcome("silent", command_id=command.id, trace=trace)


def _usage(choice: Choice, values: args.Arguments, trace: dict[str, Any]) -> Outcome:
    """Answer an incomplete command with how it is used."""
    usage = choice.entry.usage
    trace["reason"] = values.problem or f"the argument {values.missing} is missing"
    text = f"{values.problem}\n{usage}" if values.problem else usage
    return Outcome("answered", (Reply(text[: limits.REPLY_CHARS]),), choice.entry.command.id, trace=trace)


def _unfit(choice: Choice, values: args.Arguments, trace: dict[str, Any]) -> Outcome:
    """Fail a command that nobody typed, so that nobody could read how it is used."""
    why = values.problem or f"The argument {values.missing} is missing."
    fault = Fault("error", why, f"Give the arguments of “{choice.entry.command.name}” where it is scheduled.")
    trace["error"] = error_data(fault)
    return Outcome("failed", (), choice.entry.command.id, why, trace, fault=fault)
