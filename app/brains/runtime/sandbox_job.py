"""Job for the sandbox: the data a command's code reads (`ctx`, template variables), and the choice of its variant."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.brains.capabilities import CALLS
from app.brains.document.arguments import Value
from app.brains.memory.overlay import MemoryValues
from app.brains.runtime.program import CompiledTemplate, Entry, Program
from app.brains.sandbox.types import Call, Job, RunResult
from app.brains.triggers.contract import Match
from app.brains.turn import Turn, Understanding
from app.channels.content.received import Content
from app.immutable import immutable

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EMPTY: Mapping[str, Any] = {}
_NO_DATA: Mapping[str, Any] = Content().to_dict()
_NOT_UNDERSTOOD = Understanding()
_MIX_FACTOR = 0x9E3779B97F4A7C15
_MASK = 0xFFFF_FFFF_FFFF_FFFF


@immutable
class RenderContext:
    """Input of a command's code: turn, arguments, variables, random seed."""

    program: Program
    turn: Turn
    entry: Entry
    match: Match
    values: Mapping[str, Value]
    memory: MemoryValues
    seed: int

    @property
    def party(self) -> str:
        """Who a run is for: the person who wrote, else the chat."""
        turn = self.turn
        return f"contact:{turn.contact_id}" if turn.contact_id else f"chat:{turn.chat_id}"

    def to_data(self) -> dict[str, Any]:
        """Return the data of the code, as JSON data."""
        return {
            **self._build_common_data(),
            **(self._build_script_data() if self.entry.script else {"now": self._build_now()}),
        }

    def to_prompt_data(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of a prompt's templates: that of any template, and `vars`."""
        return {**self._build_common_data(), "now": self._build_now(), "vars": dict(variables)}

    def _build_common_data(self) -> dict[str, Any]:
        turn, entry, match = self.turn, self.entry, self.match
        memory = self.memory if entry.can_read_memory else _EMPTY
        understood = turn.understanding or _NOT_UNDERSTOOD
        return {
            "message": {
                "text": turn.text,
                "kind": turn.kind,
                "id": turn.provider_id or str(turn.message_id),
                "timestamp": turn.at / 1000,
                "quoted": _copy(turn.quoted),
                "media": _copy(turn.media),
                "data": dict(_NO_DATA if turn.data is None else turn.data),
                "language": understood.language,
            },
            "args": dict(self.values),
            "sender": {"name": turn.sender.name, "phone": turn.sender.phone or "", "id": turn.sender.id},
            "chat": {"id": turn.chat_id, "is_group": turn.is_group},
            "match": {
                "text": match.text,
                "groups": list(match.groups),
                "named": dict(match.named),
                "intent": understood.intent,
                "confidence": understood.confidence,
                "entities": dict(understood.entities),
                "candidates": [{"intent": name, "confidence": sure} for name, sure in understood.candidates],
            },
            "command": {"name": entry.command.name},
            "memory": {scope: dict(memory.get(scope, _EMPTY)) for scope in ("contact", "chat", "brain")},
        }

    def _build_script_data(self) -> dict[str, Any]:
        program = self.program
        named = self.entry.can_call_commands
        return {
            "clock": self._build_clock(),
            "seed": self.seed,
            "grants": list(program.grants),
            "calls": CALLS,
            "commands": [entry.command.name for entry in program.entries] if named else [],
        }

    def _build_clock(self) -> list[Any]:
        at = datetime.fromtimestamp(self.turn.now // 1000, self.program.zone)
        offset = at.utcoffset() or timedelta()
        return [self.turn.now / 1000, int(offset.total_seconds()), self.program.zone.key]

    def _build_now(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.turn.now // 1000, UTC).astimezone(self.program.zone)
        iso = at.isoformat()
        return {
            "iso": iso,
            "zone": self.program.zone.key,
            "date": iso[:10],
            "time": iso[11:16],
            "weekday": _WEEKDAYS[at.weekday()],
            "year": at.year,
            "month": at.month,
            "day": at.day,
            "hour": at.hour,
            "minute": at.minute,
        }


def _copy(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if given is None else dict(given)


def pick_variant(texts: Sequence[CompiledTemplate], seed: int) -> int:
    """Choose a variant by the seed, spread so that consecutive seeds give different variants."""
    return mix_seed(seed) % len(texts)


def mix_seed(seed: int) -> int:
    """Return 32 well mixed bits of a seed."""
    return (seed * _MIX_FACTOR & _MASK) >> 32


def build_job(context: RenderContext, call: Call | None = None, *, measure: bool = False) -> Job | RunResult:
    """Return the sandbox job of a command; a text without template marks or with known texts is rendered already."""
    entry, program = context.entry, context.program
    source = entry.script
    if source is None:
        text = entry.texts[pick_variant(entry.texts, context.seed)]
        if text.is_literal:
            return RunResult({"text": text.source.text})
        # What is measured is what a sandbox process does.
        filled = None if measure or text.fill is None else text.fill.fill(context.turn, context.values)
        if filled is not None:
            return RunResult({"text": filled}, is_filled=True)
        source = text.source
    strict = program.document.settings.strict
    given = call if entry.script else None
    party, command = context.party, entry.command.name
    return Job(
        *(program.owner, source, context.to_data(), given, strict, measure),
        party=party,
        command=command,
        may_detach=True,
    )
