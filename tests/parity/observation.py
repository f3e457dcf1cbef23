"""What a brain did in a test, the same whichever way it was played: effects by step, and the state at the end."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app.brains.effects.model import Cool, Effect


@dataclass
class Observation:
    """Effects by the number of their step, and what is left at its end; `seeds` decided the chance of each step."""

    steps: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    memory: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: list[tuple[Any, ...]] = field(default_factory=list)
    paused: int = 0
    seeds: dict[int, int] = field(default_factory=dict)

    def add(self, number: int, effects: Iterable[Effect]) -> None:
        """Add the effects of a run of a step."""
        self.steps.setdefault(number, []).extend(map(dump_effect, effects))


def dump_effect(effect: Effect) -> dict[str, Any]:
    """Return an effect as plain data; whom a cooldown is for has another id in each database."""
    data = {"effect": type(effect).__name__, **asdict(effect)}
    if isinstance(effect, Cool):
        data["scope"] = effect.scope.partition(":")[0]
    return _to_lists(data)


def sort_memory(entries: Iterable[tuple[str, str, Any, int | None]]) -> dict[str, dict[str, Any]]:
    """Return variables with their ends by scope; contacts and chats are told apart by what is kept for them."""
    found: dict[str, dict[str, Any]] = {}
    for scope, key, value, ends_at in entries:
        found.setdefault(scope, {})[key] = [_to_lists(value), ends_at]
    named: dict[str, dict[str, Any]] = {}
    for scope, kept in sorted(found.items(), key=lambda each: (each[0].partition(":")[0], repr(each[1]))):
        kind = scope.partition(":")[0]
        place = sum(name.startswith(kind) for name in named)
        named[f"{kind} {place}"] = dict(sorted(kept.items()))
    return named


def _to_lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _to_lists(each) for name, each in value.items()}
    return [_to_lists(each) for each in value] if isinstance(value, list | tuple) else value
