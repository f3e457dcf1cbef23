"""Tries a prompt: what a model would be asked, and on request what it answers; nothing is sent to any chat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.brains import prompting
from app.brains.calls import Calls
from app.brains.capabilities.contract import Asker, CallRefused, Capabilities
from app.brains.program import Program, Prompted, compile_program
from app.brains.sandbox.wire import Done, Fault, Job
from app.brains.scene import Scene
from app.brains.triggers.contract import Match
from app.brains.turn import Turn

_ASKS = "asks"


class Runner(Protocol):
    """The sandbox, as far as a prompt needs it."""

    def run(self, job: Job) -> Done | Fault:
        """Run one job and wait for it."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is tried: one prompt of a draft on a turn, with the values a script would give it."""

    document: Mapping[str, Any]
    brain_id: int
    prompt: Mapping[str, Any]
    turn: Turn
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """What came of a try: the messages, then the answer or why there is none; `part` is system or user."""

    messages: tuple[Mapping[str, str], ...] = ()
    answer: str = ""
    refused: str = ""
    part: str = ""
    fault: Fault | None = None


def preview(attempt: Attempt, sandbox: Runner, capabilities: Capabilities | None = None) -> Preview:
    """Render a prompt and, with `capabilities`, ask it; raises InvalidDocument when it has problems of its own."""
    program = _program(attempt)
    prompted = next(iter(program.prompts.values()))
    scene = _scene(program, attempt.turn)
    jobs = prompting.jobs_of(scene, prompted, attempt.variables)
    results = [job if isinstance(job, Done) else sandbox.run(job) for job in jobs]
    failed = prompting.wrong(prompted, results)
    if failed:
        return Preview(part=failed[0], fault=failed[1])
    return _asked(scene, prompted, results, capabilities)


def _asked(
    scene: Scene, prompted: Prompted, results: list[Done | Fault], capabilities: Capabilities | None
) -> Preview:
    messages: tuple[Mapping[str, str], ...] = ()
    try:
        call = prompting.call_of(scene, prompted, results)
        messages = tuple(call["messages"])
        if capabilities is None:
            return Preview(messages)
        asker = Asker(scene.program.brain_id, scene.program.document.grants, now=scene.turn.now)
        return Preview(messages, Calls(capabilities, asker).ask(prompting.METHOD, call))
    except CallRefused as refused:
        return Preview(messages, refused=str(refused))


def _program(attempt: Attempt) -> Program:
    """Compile the prompt alone: what is wrong with the rest of the draft is no reason to wait."""
    head = {
        name: attempt.document[name]
        for name in ("brain", "title", "settings", "grants")
        if name in attempt.document
    }
    action = {"kind": "prompt", "prompt": attempt.prompt.get("name")}
    command = {"id": _ASKS, "name": _ASKS, "trigger": {"kind": "fallback"}, "action": action}
    return compile_program(0, attempt.brain_id, {**head, "prompts": [attempt.prompt], "commands": [command]})


def _scene(program: Program, turn: Turn) -> Scene:
    match = Match(turn.text.strip())
    return Scene(program, turn, program.by_id[_ASKS], match, {}, turn.memory, turn.seed)
