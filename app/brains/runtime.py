"""Runs a brain on turns: choose a command in this process, render its text in the sandbox, return effects."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from app.brains import arguments as args
from app.brains import limits
from app.brains.document import Command
from app.brains.effects import Cool, Effect, Reply
from app.brains.program import (
    Choice,
    Explained,
    Program,
    Text,
    choose,
    compile_program,
    cooldown_scope,
    explain,
)
from app.brains.sandbox.wire import Rendered, RenderError, RenderJob
from app.brains.turn import Sender, Turn

__all__ = ["Explained", "Outcome", "Program", "Runtime", "Sender", "Turn", "compile_program", "explain"]

_TRACED = 50
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Renderer(Protocol):
    """The sandbox, as far as the runtime needs it."""

    def render_many(self, jobs: Sequence[RenderJob]) -> list[Rendered | RenderError]:
        """Render all jobs."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a turn: answered, silent or failed; `error` is in plain words, `trace` is JSON data."""

    status: str
    effects: tuple[Effect, ...] = ()
    command_id: str | None = None
    error: str | None = None
    trace: dict[str, Any] = field(default_factory=dict)
    micros: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """A turn after matching: an outcome already, or a text still to render."""

    trace: dict[str, Any]
    micros: int
    outcome: Outcome | None = None
    choice: Choice | None = None
    text: Text | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


class Runtime:
    """Runs turns on programs; safe to share between threads. `clock` counts nanoseconds."""

    def __init__(self, sandbox: Renderer, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._sandbox = sandbox
        self._clock = clock

    def run_many(self, jobs: Sequence[tuple[Program, Turn]]) -> list[Outcome]:
        """Run all turns, their texts rendered together; an operator's error is an outcome, never raised."""
        plans = [self._plan(program, turn) for program, turn in jobs]
        pending = [
            RenderJob(program.version_id, plan.text.source, plan.context, plan.text.key)
            for (program, _), plan in zip(jobs, plans, strict=True)
            if plan.text and not plan.text.literal
        ]
        rendered = iter(self._sandbox.render_many(pending) if pending else ())
        return [
            plan.outcome or _finish(turn, plan, _text(plan, rendered))
            for (_, turn), plan in zip(jobs, plans, strict=True)
        ]

    def _plan(self, program: Program, turn: Turn) -> _Plan:
        started = self._clock()
        choice, asked = choose(program, turn)
        trace = _considered(program, choice, asked)
        if choice is None:
            trace["reason"] = "no command fits this message"
            return self._done(started, Outcome("silent", trace=trace))
        if choice.blocked:
            return self._done(started, _blocked(choice, trace))
        command = choice.entry.command
        values = args.parse(command.arguments, choice.match.rest)
        if command.arguments:
            trace["arguments"] = values.values
        if not values.complete:
            return self._done(started, _usage(choice, values, trace))
        text = _pick(choice.entry.texts, turn.seed, trace)
        context = {} if text.literal else _context(program, turn, choice, values.values)
        return _Plan(trace, self._micros(started), None, choice, text, context)

    def _micros(self, started: int) -> int:
        return (self._clock() - started) // 1000

    def _done(self, started: int, outcome: Outcome) -> _Plan:
        micros = self._micros(started)
        done = Outcome(
            outcome.status, outcome.effects, outcome.command_id, outcome.error, outcome.trace, micros
        )
        return _Plan(outcome.trace, micros, done)


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


def _pick(texts: Sequence[Text], seed: int, trace: dict[str, Any]) -> Text:
    """Choose a variant by the turn's seed, spread so that seeds in a row do not mean variants in a row."""
    if len(texts) == 1:
        return texts[0]
    index = ((seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> 32) % len(texts)
    trace["variant"] = index + 1
    return texts[index]


def _context(
    program: Program, turn: Turn, choice: Choice, values: Mapping[str, args.Value]
) -> dict[str, Any]:
    """Build what a template sees: plain data, fresh for every turn."""
    sender, match = turn.sender, choice.match
    return {
        "message": {"text": turn.text, "kind": turn.kind},
        "args": dict(values),
        "sender": {"name": sender.name, "phone": sender.phone or "", "id": sender.id},
        "chat": {"id": turn.chat_id, "is_group": turn.is_group},
        "now": _moment(turn.now, program),
        "match": {"text": match.text, "groups": list(match.groups), "named": dict(match.named)},
        "command": {"name": choice.entry.command.name},
    }


def _moment(millis: int, program: Program) -> dict[str, Any]:
    at = datetime.fromtimestamp(millis // 1000, UTC).astimezone(program.zone)
    iso = at.isoformat()
    return {
        "iso": iso,
        "date": iso[:10],
        "time": iso[11:16],
        "weekday": _WEEKDAYS[at.weekday()],
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
    }


def _text(plan: _Plan, rendered: Any) -> Rendered | RenderError:
    if plan.text is None:
        return Rendered("")
    return Rendered(plan.text.source) if plan.text.literal else next(rendered)


def _finish(turn: Turn, plan: _Plan, result: Rendered | RenderError) -> Outcome:
    if plan.choice is None:
        return Outcome("silent", trace=plan.trace)
    command, trace, micros = plan.choice.entry.command, plan.trace, plan.micros + result.micros
    trace["render_micros"] = result.micros
    if isinstance(result, Rendered):
        result = _fit(command, result)
    if isinstance(result, RenderError):
        trace["error"] = {"message": result.message, "line": result.line, "excerpt": list(result.excerpt)}
        return Outcome("failed", (), command.id, result.message, trace, micros)
    if not result.text:
        trace["reason"] = f"the text of “{command.name}” came out empty"
        return Outcome("silent", (), command.id, None, trace, micros)
    reply = Reply(result.text, command.action.buttons, command.action.quote)
    return Outcome("answered", (reply, *_cool(command, turn)), command.id, None, trace, micros)


def _fit(command: Command, result: Rendered) -> Rendered | RenderError:
    """Trim a text and hold it against what WhatsApp takes."""
    text = result.text.strip()
    most = limits.REPLY_CHARS_WITH_BUTTONS if command.action.buttons else limits.REPLY_CHARS
    if len(text) <= most:
        return Rendered(text, result.micros)
    beside = " beside buttons" if command.action.buttons else ""
    return RenderError(f"The text has {len(text):,} characters; WhatsApp takes {most:,}{beside}. Shorten it.")


def _cool(command: Command, turn: Turn) -> tuple[Cool, ...]:
    rule = command.restrict.cooldown
    if rule is None:
        return ()
    return (Cool(command.id, cooldown_scope(command, turn), turn.now + rule.seconds * 1000),)
