"""What a command's code sees: plain data, fresh for every run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.brains.arguments import Value
from app.brains.overlay import Memory
from app.brains.program import Entry, Program
from app.brains.triggers.contract import Match
from app.brains.turn import Turn

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Scene:
    """One command about to run: for which turn, with which arguments, on which memory, by which chance."""

    program: Program
    turn: Turn
    entry: Entry
    match: Match
    values: Mapping[str, Value]
    memory: Memory
    seed: int

    def data(self) -> dict[str, Any]:
        """Return what the code sees, as JSON data."""
        return {**self._seen(), **(self._script_only() if self.entry.script else {"now": self._moment()})}

    def prompt_data(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the templates of a prompt see: what any template does, and `vars`."""
        return {**self._seen(), "now": self._moment(), "vars": dict(variables)}

    def _seen(self) -> dict[str, Any]:
        turn, entry, match = self.turn, self.entry, self.match
        memory = self.memory if entry.looks else _NOTHING
        return {
            "message": {
                "text": turn.text,
                "kind": turn.kind,
                "id": turn.provider_id or str(turn.message_id),
                "timestamp": turn.at / 1000,
                "quoted": _copy(turn.quoted),
                "media": _copy(turn.media),
            },
            "args": dict(self.values),
            "sender": {"name": turn.sender.name, "phone": turn.sender.phone or "", "id": turn.sender.id},
            "chat": {"id": turn.chat_id, "is_group": turn.is_group},
            "match": {"text": match.text, "groups": list(match.groups), "named": dict(match.named)},
            "command": {"name": entry.command.name},
            "memory": {scope: dict(memory.get(scope, _NOTHING)) for scope in ("contact", "chat", "brain")},
        }

    def _script_only(self) -> dict[str, Any]:
        program = self.program
        named = self.entry.names_commands
        return {
            "clock": self._clock(),
            "seed": self.seed,
            "grants": list(program.grants),
            "commands": [entry.command.name for entry in program.entries] if named else [],
        }

    def _clock(self) -> list[Any]:
        at = datetime.fromtimestamp(self.turn.now // 1000, self.program.zone)
        offset = at.utcoffset() or timedelta()
        return [self.turn.now / 1000, int(offset.total_seconds()), self.program.zone.key]

    def _moment(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.turn.now // 1000, UTC).astimezone(self.program.zone)
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


def _copy(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if given is None else dict(given)
