"""How a run ends: the sandbox' answer made an outcome, with its trace and its journal."""

from dataclasses import dataclass, replace
from typing import Any, Final

from app.brains.caller import Caller, rules_of
from app.brains.decision import Decided, decide, refused
from app.brains.effects import Cool, Effect
from app.brains.outcome import Outcome, digest_of, status_of
from app.brains.overlay import check_room
from app.brains.program import Choice, cooldown_scope
from app.brains.reading import memory_only
from app.brains.sandbox.wire import Done, Fault
from app.brains.scene import Scene
from app.brains.turn import Turn
from app.brains.values import BadEffect

_OUTPUT_KEPT: Final = 8_192  # of what a run printed, in its trace


@dataclass(frozen=True, slots=True)
class Begun:
    """A command on its way: why it was chosen, what it sees, who answers its calls (a script's only)."""

    choice: Choice
    scene: Scene
    caller: Caller | None
    trace: dict[str, Any]
    micros: int


def conclude(begun: Begun, result: Done | Fault) -> Outcome:
    """Make an outcome of what the sandbox gave."""
    caller, scene, trace = begun.caller, begun.scene, begun.trace
    called = caller.called if caller else {}
    decided = decide(scene.entry, result, rules_of(scene.program, scene.turn.now, called))
    if isinstance(decided, Decided):
        decided = _roomy(scene, decided, result)
    if caller and caller.unstarted:
        decided = caller.unstarted
    output = (caller.output if caller else "") + result.output
    _describe(begun, result, output)
    if isinstance(decided, Fault):
        trace["error"] = error_data(decided)
        if decided.fx:
            trace["dropped"] = list(decided.fx)
        outcome = Outcome("failed", (), scene.entry.command.id, decided.message, trace, fault=decided)
    else:
        outcome = _done(begun, decided)
    return replace(
        outcome,
        micros=begun.micros + result.micros,
        journal=journal_of(scene.turn, begun.choice, begun),
        digest=digest_of(outcome, trace.get("result"), output),
    )


def _roomy(scene: Scene, decided: Decided, result: Done | Fault) -> Decided | Fault:
    """Hold what is to be remembered against what there is room for."""
    kept = memory_only(decided.effects)
    grant = scene.program.document.grants.memory
    if not kept or grant is None or isinstance(result, Fault):
        return decided
    try:
        check_room(scene.turn.memory, kept, grant.max_entries)
    except BadEffect as error:
        return refused(result, error)
    return decided


def _done(begun: Begun, decided: Decided) -> Outcome:
    command, trace = begun.scene.entry.command, begun.trace
    status = status_of(decided.effects)
    if decided.result is not None:
        trace["result"] = decided.result
    if status == "silent":
        what = "decided on nothing to send" if begun.caller else "has a text that came out empty"
        trace["reason"] = f"“{command.name}” {what}"
    cools = status == "answered" or begun.caller is not None
    effects = (*decided.effects, *_cool(begun.choice, begun.scene.turn)) if cools else decided.effects
    inner = begun.caller.reads if begun.caller else ()
    reads = tuple(dict.fromkeys((*decided.reads, *inner))) if inner else decided.reads
    return Outcome(status, effects, command.id, None, trace, reads=reads)


def _describe(begun: Begun, result: Done | Fault, output: str) -> None:
    """Note how a run went."""
    trace = begun.trace
    trace["run_micros"] = result.micros
    if begun.caller and begun.caller.calls.trace:
        trace["calls"] = begun.caller.calls.trace
    if output:
        trace["output"] = output[:_OUTPUT_KEPT]
    if result.usage:
        trace["usage"] = dict(result.usage)


def error_data(fault: Fault) -> dict[str, Any]:
    """Write a fault for a trace."""
    return {
        "kind": fault.kind,
        "message": fault.message,
        "fix": fault.fix,
        "line": fault.line,
        "column": fault.column,
        "end_column": fault.end_column,
        "excerpt": list(fault.excerpt),
    }


def journal_of(turn: Turn, choice: Choice | None, begun: Begun | None = None) -> dict[str, Any]:
    """Write down all that a run depended on and that may be different another time."""
    sender = turn.sender
    kept: dict[str, Any] = {
        "now": turn.now,
        "seed": turn.seed,
        "sender": [sender.id, sender.name, sender.phone],
        "contact": turn.contact_id,
    }
    if choice and choice.entry.command.restrict.cooldown:
        command = choice.entry.command
        rests = turn.cooldowns.get((command.id, cooldown_scope(command, turn)))
        if rests:
            kept["rests"] = [command.id, rests]
    if begun is None:
        return kept
    if turn.quoted is not None:
        kept["quoted"] = dict(turn.quoted)
    if begun.scene.entry.looks and turn.memory:
        kept["memory"] = {scope: dict(entries) for scope, entries in turn.memory.items()}
    if begun.scene.entry.asks and turn.past:
        kept["past"] = [list(each) for each in turn.past]
    if begun.caller and begun.caller.calls.journal:
        kept["calls"] = begun.caller.calls.journal
    return kept


def _cool(choice: Choice, turn: Turn) -> tuple[Effect, ...]:
    """Let the command rest, unless it ran because something else named it."""
    command = choice.entry.command
    rule = command.restrict.cooldown
    if rule is None or turn.command_id is not None:
        return ()
    return (Cool(command.id, cooldown_scope(command, turn), turn.now + rule.seconds * 1000),)
