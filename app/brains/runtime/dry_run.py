"""Dry run of a draft's command: nothing sent, nothing stored."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field, replace
from typing import Any

from app.brains.capabilities.contract import Capabilities
from app.brains.document.understanding import train_draft
from app.brains.document.validation import InvalidDocument, ValidationProblem
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.sandbox.types import SandboxPort
from app.brains.turn import Turn
from app.immutable import immutable

_DRAFT = 0  # no version has this number


@immutable
class DryRunRequest:
    """Dry run of a draft on a turn; a turn with `command_id` runs that command alone."""

    document: Mapping[str, Any]
    brain_id: int
    turn: Turn
    capabilities: Capabilities = field(default_factory=dict)


def try_command(trial: DryRunRequest, sandbox: SandboxPort) -> Outcome:
    """Run a draft once and wait for its end; raises InvalidDocument when the command has problems.

    The trace holds `usage` for the budget card, `output`, `result`, `calls`, and for a failed run `dropped` effects.
    """
    program = _compile(trial)
    ending = Runtime(sandbox).run_many([RunRequest(program, trial.turn, trial.capabilities, measure=True)])[0]
    outcome = ending.result() if isinstance(ending, Future) else ending
    entry = program.by_id.get(outcome.command_id or "")
    if entry is None or entry.script is None or not outcome.trace.usage:
        return outcome
    usage = {"source": len(entry.script.text), **outcome.trace.usage}
    return replace(outcome, trace=replace(outcome.trace, usage=usage))


def _compile(trial: DryRunRequest) -> Program:
    """Compile the draft; a command tried alone does not depend on problems of the others."""
    try:
        return compile_program(_DRAFT, trial.brain_id, trial.document, train_draft)
    except InvalidDocument as error:
        kept = _remove_broken_commands(trial, error.problems)
        if kept is None:
            raise
        return compile_program(_DRAFT, trial.brain_id, kept, train_draft)


def _remove_broken_commands(
    trial: DryRunRequest, problems: Sequence[ValidationProblem]
) -> dict[str, Any] | None:
    """Return the draft without invalid commands; None when the tried command, or the whole, is invalid."""
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
