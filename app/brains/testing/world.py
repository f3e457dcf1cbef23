"""Simulated world of a test: clock, people, chats, variables, schedules, cooldowns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.brains import limits
from app.brains.capabilities.schedule import ScheduleGrant
from app.brains.document.test_cases import Start
from app.brains.effects.model import Cancel, Cool, Effect, Forget, Handoff, Increment, Remember, Schedule
from app.brains.memory.overlay import apply_effect, compute_expiry
from app.brains.memory.store import MemoryOwner
from app.brains.runtime.program import Program
from app.brains.text import fold
from app.brains.turn import Sender, Turn
from app.immutable import immutable

# A Monday morning: tests that name no time all begin at the same moment.
DEFAULT_START: Final = "2026-01-05T09:00"
SCHEDULE_KIND: Final = "schedule"
# Numbers reserved for fiction: no real person is meant.
_FIRST_NUMBER: Final = 15_550_100_000
_WINDOW_MS: Final = 24 * 3_600_000  # ms in which WhatsApp takes free texts


@immutable
class Person:
    """Simulated contact with the chat they write in; `contact_id` is None where nobody is known to have written."""

    sender: Sender
    chat_id: int
    contact_id: int | None
    is_group: bool = False


@immutable
class ScheduledCommand:
    """Command that waits until `due_at` (ms) in a chat."""

    due_at: int
    person: Person
    command_id: str
    arguments: Mapping[str, Any]
    name: str


@immutable
class _MemoryEntry:
    value: Any
    ends_at: int | None

    def is_live(self, now: int) -> bool:
        return self.ends_at is None or self.ends_at > now


class ScheduleLimitError(ValueError):
    """More commands would wait in a chat than the brain may have there."""


class World:
    """Simulated world of one test's brain; `now` is in ms and advances only by steps."""

    def __init__(self, program: Program, start: Start) -> None:
        self._program = program
        self._start = start
        self._people: dict[str, Person] = {}
        self._kept: dict[str, dict[str, _MemoryEntry]] = {}
        self._plans: list[ScheduledCommand] = []
        self._rests: dict[tuple[str, str], int] = {}
        self._last_inbound_at: dict[int, int] = {}
        self._turns = 0
        self._past: dict[int, list[tuple[str, str]]] = {}
        self.paused: set[int] = set()
        moment = datetime.fromisoformat(start.time or DEFAULT_START)
        self.now = round(
            (moment if moment.tzinfo else moment.replace(tzinfo=program.zone)).timestamp() * 1000
        )
        scopes = self._build_owner(self.get_or_create_person(None)).build_scopes()
        for word, entries in start.memory.items():
            self._kept[scopes[word]] = {key: _MemoryEntry(value, None) for key, value in entries.items()}

    def get_or_create_person(self, name: str | None) -> Person:
        """Return the person of this name, created if new; None = the test's main contact."""
        key = fold(name or self._start.name)
        if key not in self._people:
            number = len(self._people) + 1
            first = number == 1 and self._start.phone
            phone = first or str(_FIRST_NUMBER + number)
            sender, is_group = Sender(phone, name or self._start.name, phone), self._start.group
            # The members of a group share its chat, and each is a contact as live.
            self._people[key] = Person(sender, 1 if is_group else number, number, is_group=is_group)
        return self._people[key]

    def add_person(self, person: Person) -> None:
        """Add a person under the ids of their chat and contact."""
        self._people[f"chat:{person.chat_id}:{person.contact_id}"] = person

    def build_turn(self, person: Person, *, seed: int | None = None, **what: Any) -> Turn:
        """Return the turn of a person's message, or of a due schedule."""
        self._turns += 1
        number = self._turns
        return Turn(
            message_id=number,
            sender=person.sender,
            chat_id=person.chat_id,
            contact_id=person.contact_id,
            is_group=person.is_group,
            at=self.now,
            now=self.now,
            seed=self._start.seed + number if seed is None else seed,
            cooldowns=dict(self._rests),
            memory=self.get_memory(person),
            past=tuple(self._past.get(person.chat_id, ())),
            provider_id=f"test.{number}",
            **{"kind": "text", "text": "", **what},
        )

    def open_window(self, person: Person) -> None:
        """Open the 24-hour window of a person who wrote."""
        self._last_inbound_at[person.chat_id] = self.now

    def record_text(self, person: Person, role: str, words: str) -> None:
        """Record a text of the user or the assistant in a chat, for prompts with past turns."""
        if words:
            self._past.setdefault(person.chat_id, []).append((role, words))

    def get_window_end(self, person: Person) -> int | None:
        """Return when the 24-hour window of a person ends (ms); None when they never wrote."""
        last_inbound_at = self._last_inbound_at.get(person.chat_id)
        return None if last_inbound_at is None else last_inbound_at + _WINDOW_MS

    def is_window_closed(self, person: Person) -> bool:
        """Tell whether the 24-hour window of a person is closed now."""
        return self.now > (self.get_window_end(person) or self.now)

    def get_memory(self, person: Person) -> dict[str, dict[str, Any]]:
        """Return the current variables of a person, by scope and key."""
        return {
            word: {key: value for key, (value, _) in entries.items()}
            for word, entries in self.get_memory_entries(person).items()
        }

    def get_memory_entries(self, person: Person) -> dict[str, dict[str, tuple[Any, int | None]]]:
        """Return the current variables of a person with their expiry (ms, None = never), by scope and key."""
        return {
            word: {
                key: (kept.value, kept.ends_at)
                for key, kept in self._kept.get(scope, {}).items()
                if kept.is_live(self.now)
            }
            for word, scope in self._build_owner(person).build_scopes().items()
        }

    def list_scheduled(self, person: Person) -> list[ScheduledCommand]:
        """Return the scheduled commands of a person's chat, next first."""
        waiting = [plan for plan in self._plans if plan.person.chat_id == person.chat_id]
        return sorted(waiting, key=lambda plan: plan.due_at)

    def list_highest(self, key: str, n: int, word: str) -> list[dict[str, Any]]:
        """Return the highest numbers under a key with their owners, highest first."""
        named = {f"contact:{p.contact_id}": p.sender for p in self._people.values()}
        found = [
            (kept.value, scope, named.get(scope, Sender(scope.partition(":")[2])))
            for scope, entries in self._kept.items()
            for name, kept in entries.items()
            if name == key and scope.startswith(f"{word}:") and type(kept.value) in {int, float}
        ]
        found.sort(key=lambda entry: (-entry[0], entry[1]))
        return [{"id": who.id, "name": who.name, "value": value} for value, _, who in found[:n]]

    def apply_effects(self, effects: tuple[Effect, ...], person: Person) -> None:
        """Apply the effects of a run to this world; raises ScheduleLimitError."""
        for effect in effects:
            if isinstance(effect, Remember | Increment | Forget):
                self._apply_memory(effect, self._build_owner(person).build_scopes()[effect.scope])
            elif isinstance(effect, Schedule):
                self._cancel(person, effect.name)
                owner = drop_writer(person)
                plan = ScheduledCommand(effect.due, owner, effect.command_id, effect.arguments, effect.name)
                self._plans.append(plan)
            elif isinstance(effect, Cancel):
                self._cancel(person, effect.name)
            elif isinstance(effect, Cool):
                self._rests[effect.command_id, effect.scope] = effect.until
            elif isinstance(effect, Handoff):
                self.paused.add(person.chat_id)
        self._check_schedule_limit(person)

    def pop_due(self, until: int) -> ScheduledCommand | None:
        """Remove and return the next schedule due by a time (ms), setting the clock to it; None when there is none."""
        due = [plan for plan in self._plans if plan.due_at <= until]
        if not due:
            return None
        plan = min(due, key=lambda each: each.due_at)
        self._plans.remove(plan)
        self.now = max(self.now, plan.due_at)
        return plan

    def to_json(self) -> dict[str, Any]:
        """Return this world as JSON data, without its people."""
        return {
            "now": self.now,
            "turns": self._turns,
            "paused": sorted(self.paused),
            "kept": {
                scope: {key: [kept.value, kept.ends_at] for key, kept in entries.items()}
                for scope, entries in self._kept.items()
            },
            "plans": [
                [plan.due_at, plan.person.chat_id, plan.command_id, dict(plan.arguments), plan.name]
                for plan in self._plans
            ],
            "rests": [[*named, until] for named, until in self._rests.items()],
            "heard": [list(each) for each in self._last_inbound_at.items()],
            "past": [[chat, _select_recent(texts)] for chat, texts in self._past.items()],
        }

    def restore(self, frozen: Mapping[str, Any]) -> None:
        """Restore the state that `to_json` wrote; the people stay."""
        people = {person.chat_id: drop_writer(person) for person in self._people.values()}
        self.now, self._turns, self.paused = frozen["now"], frozen["turns"], set(frozen["paused"])
        self._kept = {
            scope: {key: _MemoryEntry(*kept) for key, kept in entries.items()}
            for scope, entries in frozen["kept"].items()
        }
        self._plans = [
            ScheduledCommand(due, people[chat], command, arguments, name)
            for due, chat, command, arguments, name in frozen["plans"]
            if chat in people
        ]
        self._rests = {(command, scope): until for command, scope, until in frozen["rests"]}
        self._last_inbound_at = dict(frozen["heard"])
        self._past = {chat: [(role, words) for role, words in texts] for chat, texts in frozen["past"]}

    def _build_owner(self, person: Person) -> MemoryOwner:
        return MemoryOwner(self._program.brain_id, person.contact_id, person.chat_id)

    def _apply_memory(self, effect: Remember | Increment | Forget, scope: str) -> None:
        entries = self._kept.setdefault(scope, {})
        kept = entries.pop(effect.key, None)
        before = kept if kept and kept.is_live(self.now) else None
        values = {effect.key: before.value} if before else {}
        apply_effect(values, effect)
        if not isinstance(effect, Forget):
            end = compute_expiry(
                effect, self.now, before.ends_at if before else None, was_live=before is not None
            )
            entries[effect.key] = _MemoryEntry(values[effect.key], end)

    def _cancel(self, person: Person, name: str) -> None:
        if name:
            chat_id = person.chat_id
            self._plans = [p for p in self._plans if (p.person.chat_id, p.name) != (chat_id, name)]

    def _check_schedule_limit(self, person: Person) -> None:
        grant = self._program.document.grants.get(ScheduleGrant)
        limit = grant.max_pending if grant else limits.SCHEDULED
        if sum(plan.person.chat_id == person.chat_id for plan in self._plans) > limit:
            raise ScheduleLimitError(
                f"At most {limit} scheduled commands may wait in one chat: cancel some, or name them."
            )


def drop_writer(person: Person) -> Person:
    """Return whom a scheduled command runs for: the contact; in a group nobody, as live."""
    return replace(person, sender=Sender(""), contact_id=None) if person.is_group else person


def _select_recent(texts: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the newest texts, as many as a prompt may include."""
    kept, chars = [], 0
    for role, words in reversed(texts):
        chars += len(words)
        if chars > limits.AI_PAST_CHARS:
            break
        kept.append([role, words])
    return kept[::-1]
