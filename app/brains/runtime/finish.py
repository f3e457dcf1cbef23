"""Outcome of a turn, with a sandbox result or without: effects, trace, journal, cooldown."""

from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.memory import MemoryGrant
from app.brains.document import arguments as args
from app.brains.effects.model import Cool, Effect, Reply
from app.brains.effects.parse import select_memory_effects
from app.brains.effects.untrusted import BadEffect
from app.brains.memory.overlay import check_limits
from app.brains.runtime.command_calls import CommandCalls, build_rules
from app.brains.runtime.decode import Decision, build_limit_error, decode_result
from app.brains.runtime.outcome import Journal, Outcome, compute_digest, compute_status
from app.brains.runtime.sandbox_job import RenderContext
from app.brains.runtime.selection.command_choice import Choice, build_cooldown_scope
from app.brains.runtime.trace import LIMIT_KINDS, Cause, ErrorRecord, Trace
from app.brains.sandbox.types import RunResult, SandboxError
from app.brains.turn import Turn
from app.immutable import immutable, replace_fields

_TRACE_OUTPUT_CHARS: Final = 8_192  # of what a run printed, in its trace


@immutable
class PreparedRun:
    """Chosen command with its context, call handler (scripts only), trace and time so far."""

    choice: Choice
    context: RenderContext
    command_calls: CommandCalls | None
    trace: Trace
    micros: int


def build_outcome(prepared: PreparedRun, result: RunResult | SandboxError) -> Outcome:
    """Build the outcome of a sandbox result."""
    caller, context = prepared.command_calls, prepared.context
    called = caller.called_effects if caller else {}
    decided = decode_result(context.entry, result, build_rules(context.program, context.turn.now, called))
    if isinstance(decided, Decision):
        decided = _check_memory_limits(context, decided, result)
    if caller and caller.start_error:
        decided = caller.start_error
    output = (caller.output if caller else "") + result.output
    trace = _trace_result(prepared, result, output)
    if isinstance(decided, SandboxError):
        outcome = _build_failed_outcome(prepared, decided, trace)
    else:
        outcome = _build_decided_outcome(prepared, decided, trace)
    return replace_fields(
        outcome,
        micros=prepared.micros + result.micros,
        journal=build_journal(context.turn, prepared.choice, prepared),
        digest=compute_digest(outcome, outcome.trace.result, output),
    )


def _check_memory_limits(
    context: RenderContext, decided: Decision, result: RunResult | SandboxError
) -> Decision | SandboxError:
    """Check the changed variables against the limits."""
    memory_effects = select_memory_effects(decided.effects)
    grant = context.program.document.grants.get(MemoryGrant)
    if not memory_effects or grant is None or isinstance(result, SandboxError):
        return decided
    try:
        check_limits(context.turn.memory, memory_effects, grant.max_entries)
    except BadEffect as error:
        return build_limit_error(result, error)
    return decided


def _build_failed_outcome(prepared: PreparedRun, error: SandboxError, trace: Trace) -> Outcome:
    calls = prepared.command_calls.calls if prepared.command_calls else None
    refused = error.kind == "call" and calls is not None and calls.is_over_limit
    cause = Cause.LIMIT if refused or error.kind in LIMIT_KINDS else Cause.ERROR
    trace = replace_fields(trace, cause=cause, error=dump_error(error), dropped=list(error.fx))
    command_id = prepared.context.entry.command.id
    return Outcome("failed", (), command_id, error.message, trace, sandbox_error=error)


def _build_decided_outcome(prepared: PreparedRun, decided: Decision, trace: Trace) -> Outcome:
    command = prepared.context.entry.command
    status = compute_status(decided.effects)
    if decided.result is not None:
        trace = replace_fields(trace, result=decided.result)
    if status == "silent":
        what = "decided on nothing to send" if prepared.command_calls else "has a text that came out empty"
        trace = replace_fields(trace, cause=Cause.NOTHING_TO_SAY, reason=f"“{command.name}” {what}")
    cools = status == "answered" or prepared.command_calls is not None
    effects = (
        (*decided.effects, *_build_cooldown(prepared.choice, prepared.context.turn))
        if cools
        else decided.effects
    )
    effects = (*effects, *prepared.choice.effects)
    inner = prepared.command_calls.reads if prepared.command_calls else ()
    reads = tuple(dict.fromkeys((*decided.reads, *inner))) if inner else decided.reads
    return Outcome(status, effects, command.id, None, trace, reads=reads)


def _trace_result(prepared: PreparedRun, result: RunResult | SandboxError, output: str) -> Trace:
    """Return the trace with usage, calls and output of the code."""
    return replace_fields(
        prepared.trace,
        run_micros=result.micros,
        is_filled=isinstance(result, RunResult) and result.is_filled,
        calls=prepared.command_calls.calls.trace if prepared.command_calls else (),
        output=output[:_TRACE_OUTPUT_CHARS],
        usage=result.usage,
    )


def dump_error(error: SandboxError) -> ErrorRecord:
    """Dump a sandbox error for a trace."""
    return {
        "kind": error.kind,
        "message": error.message,
        "fix": error.fix,
        "line": error.line,
        "column": error.column,
        "end_column": error.end_column,
        "excerpt": list(error.excerpt),
    }


def build_no_match_outcome(turn: Turn, trace: Trace) -> Outcome:
    """Build the outcome of a turn that no command matches."""
    if turn.command_id:
        reason, cause = "the command it was to run is no longer there", Cause.COMMAND_GONE
    else:
        reason, cause = "no command matches this message", Cause.NO_MATCH
    return Outcome("silent", trace=replace_fields(trace, cause=cause, reason=reason))


def build_blocked_outcome(choice: Choice, trace: Trace) -> Outcome:
    """Build the outcome of a command that may not answer: what it says instead, if anything."""
    command = choice.entry.command
    trace = replace_fields(trace, cause=choice.block_cause, reason=f"“{command.name}” {choice.block_reason}")
    if choice.message:
        return Outcome("answered", (Reply(choice.message),), command.id, trace=trace)
    return Outcome("silent", command_id=command.id, trace=trace)


def build_usage_outcome(choice: Choice, values: args.BoundArguments, trace: Trace) -> Outcome:
    """Build the outcome of an incomplete command: a reply with its argument's question, or with its usage."""
    usage = choice.entry.usage
    reason = values.problem or f"the argument {values.missing} is missing"
    trace = replace_fields(trace, cause=Cause.USAGE, reason=reason)
    text = values.ask or (f"{values.problem}\n{usage}" if values.problem else usage)
    return Outcome("answered", (Reply(text[: limits.REPLY_CHARS]),), choice.entry.command.id, trace=trace)


def build_invalid_outcome(choice: Choice, values: args.BoundArguments, trace: Trace) -> Outcome:
    """Build a failed outcome for a command that nobody typed, who could read its usage."""
    why = values.problem or f"The argument {values.missing} is missing."
    error = SandboxError(
        "error", why, f"Give the arguments of “{choice.entry.command.name}” where it is scheduled."
    )
    trace = replace_fields(trace, cause=Cause.ERROR, error=dump_error(error))
    return Outcome("failed", (), choice.entry.command.id, why, trace, sandbox_error=error)


def build_journal(turn: Turn, choice: Choice | None, prepared: PreparedRun | None = None) -> Journal:
    """Build the journal: everything a run depended on that may differ another time."""
    sender = turn.sender
    journal: Journal = {
        "now": turn.now,
        "seed": turn.seed,
        "sender": [sender.id, sender.name, sender.phone],
        "contact": turn.contact_id,
    }
    if rests := _find_rests(turn, choice):
        journal["rests"] = rests
    if turn.understanding is not None:
        journal["understanding"] = turn.understanding.to_json()
    if turn.answer is not None:
        journal |= {"question": turn.question, "answer": turn.answer}
    return journal if prepared is None else journal | _record_run(turn, prepared)


def _record_run(turn: Turn, prepared: PreparedRun) -> Journal:
    """Return what the code of a command depended on."""
    journal: Journal = {}
    if turn.quoted is not None:
        journal["quoted"] = dict(turn.quoted)
    if prepared.context.entry.can_read_memory and turn.memory:
        journal["memory"] = {scope: dict(entries) for scope, entries in turn.memory.items()}
    if prepared.context.entry.can_ask_prompts and turn.past:
        journal["past"] = [list(each) for each in turn.past]
    if prepared.command_calls and prepared.command_calls.calls.journal:
        journal["calls"] = prepared.command_calls.calls.journal
    return journal


def _find_rests(turn: Turn, choice: Choice | None) -> list[Any]:
    """Return the command whose cooldown counted and its end (ms); nothing where none did."""
    if choice is None or not choice.entry.command.restrict.cooldown:
        return []
    command = choice.entry.command
    rests = turn.cooldowns.get((command.id, build_cooldown_scope(command, turn)))
    return [command.id, rests] if rests else []


def _build_cooldown(choice: Choice, turn: Turn) -> tuple[Effect, ...]:
    """Return the cooldown of the command, unless it ran by name (schedule or call)."""
    command = choice.entry.command
    rule = command.restrict.cooldown
    if rule is None or turn.command_id is not None:
        return ()
    return (Cool(command.id, build_cooldown_scope(command, turn), turn.now + rule.seconds * 1000),)
