"""Tries a draft: what a command would do, with nothing sent and nothing stored."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from app.brains.capabilities.contract import Capabilities
from app.brains.outcome import Outcome
from app.brains.problems import InvalidDocument, Problem
from app.brains.program import Program, compile_program
from app.brains.runtime import Request, Runs, Runtime
from app.brains.turn import Turn

_DRAFT = 0  # no version has this number


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a draft of a brain on a turn; a turn with `command_id` tries that command alone."""

    document: Mapping[str, Any]
    brain_id: int
    turn: Turn
    capabilities: Capabilities = field(default_factory=dict)


def try_command(trial: Trial, sandbox: Runs) -> Outcome:
    """Run a draft once and wait for its end; raises InvalidDocument when what is tried has problems.

    The trace holds `usage` for the budget card, `output`, `result`, `calls`, and for a failed run `dropped` effects.
    """
    program = _program(trial)
    ending = Runtime(sandbox).run_many([Request(program, trial.turn, trial.capabilities, measure=True)])[0]
    outcome = ending.result() if isinstance(ending, Future) else ending
    entry = program.by_id.get(outcome.command_id or "")
    if entry is None or entry.script is None or "usage" not in outcome.trace:
        return outcome
    usage = {"source": len(entry.script.text), **outcome.trace["usage"]}
    return replace(outcome, trace={**outcome.trace, "usage": usage})


def _program(trial: Trial) -> Program:
    """Compile the draft; a command tried alone does not wait until all the others are repaired."""
    try:
        return compile_program(_DRAFT, trial.brain_id, trial.document)
    except InvalidDocument as error:
        kept = _without(trial, error.problems)
        if kept is None:
            raise
        return compile_program(_DRAFT, trial.brain_id, kept)


def _without(trial: Trial, problems: Sequence[Problem]) -> dict[str, Any] | None:
    """Leave out the commands with problems; none when one of them, or the whole, is what is tried."""
    places = [problem.path.split(".") for problem in problems]
    commands = trial.document.get("commands")
    if not isinstance(commands, Sequence) or any(
        place[:1] != ["commands"] or len(place) < 2 for place in places
    ):
        return None
    broken = {int(place[1]) for place in places}
    kept = [command for index, command in enumerate(commands) if index not in broken]
    names = {command["id"] for command in kept if isinstance(command, Mapping) and "id" in command}
    return {**trial.document, "commands": kept} if trial.turn.command_id in names else None
