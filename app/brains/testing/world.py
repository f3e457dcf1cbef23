"""The world of one test: a clock, people, chats, and what a brain remembers, plans and rests for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.brains import limits
from app.brains.cases import Start
from app.brains.effects import Cancel, Cool, Effect, Forget, Handoff, Increment, Remember, Schedule
from app.brains.memory import Owner
from app.brains.overlay import change, ends_at
from app.brains.program import Program
from app.brains.triggers.contract import fold
from app.brains.turn import Sender, Turn

# A Monday morning: tests that name no time all begin at the same moment.
MORNING: Final = "2026-01-05T09:00"
TICK: Final = "schedule"
# Numbers reserved for fiction: no real person is meant.
_FIRST_NUMBER: Final = 15_550_100_000
_WINDOW: Final = 24 * 3_600_000  # ms in which WhatsApp takes free texts


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a test, with the chat they write in; `contact_id` is null in a group."""

    sender: Sender
    chat_id: int
    contact_id: int | None
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A command that waits for its moment (`due`, ms) in a chat."""

    due: int
    person: Person
    command_id: str
    arguments: Mapping[str, Any]
    name: str


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    ends_at: int | None

    def live(self, now: int) -> bool:
        return self.ends_at is None or self.ends_at > now


class TooManyPlansError(ValueError):
    """More commands would wait in a chat than the brain may have there."""


class World:
    """What one test's brain lives in; `now` is in ms and passes only when a step says so."""

    def __init__(self, program: Program, start: Start) -> None:
        self._program = program
        self._start = start
        self._people: dict[str, Person] = {}
        self._kept: dict[str, dict[str, _Kept]] = {}
        self._plans: list[Plan] = []
        self._rests: dict[tuple[str, str], int] = {}
        self._heard: dict[int, int] = {}
        self._turns = 0
        self._past: dict[int, list[tuple[str, str]]] = {}
        self.paused: set[int] = set()
        moment = datetime.fromisoformat(start.time or MORNING)
        self.now = round(
            (moment if moment.tzinfo else moment.replace(tzinfo=program.zone)).timestamp() * 1000
        )
        scopes = self._owner(self.person(None)).scopes()
        for word, entries in start.memory.items():
            self._kept[scopes[word]] = {key: _Kept(value, None) for key, value in entries.items()}

    def person(self, name: str | None) -> Person:
        """Return who is called so, new when nobody was; None = who the test is about."""
        key = fold(name or self._start.name)
        if key not in self._people:
            number = len(self._people) + 1
            first = number == 1 and self._start.phone
            phone = first or str(_FIRST_NUMBER + number)
            # Live, a group's messages do not say who wrote them either.
            grouped = Person(Sender(""), 1, None, is_group=True)
            alone = Person(Sender(phone, name or self._start.name, phone), number, number)
            self._people[key] = grouped if self._start.group else alone
        return self._people[key]

    def meet(self, person: Person) -> None:
        """Let somebody live in this world under the id of their chat."""
        self._people[f"chat:{person.chat_id}"] = person

    def turn(self, person: Person, *, seed: int | None = None, **what: Any) -> Turn:
        """Return the turn of somebody's message, or of a plan that has come due."""
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
            memory=self.memory(person),
            past=tuple(self._past.get(person.chat_id, ())),
            provider_id=f"test.{number}",
            **{"kind": "text", "text": "", **what},
        )

    def hear(self, person: Person) -> None:
        """Note that a person wrote: WhatsApp's window is open from now on."""
        self._heard[person.chat_id] = self.now

    def note(self, person: Person, role: str, words: str) -> None:
        """Keep what was said in a chat by the user or the assistant, for prompts that look back."""
        if words:
            self._past.setdefault(person.chat_id, []).append((role, words))

    def window_until(self, person: Person) -> int | None:
        """Return until when (ms) WhatsApp takes free texts to this person; null when they never wrote."""
        heard = self._heard.get(person.chat_id)
        return None if heard is None else heard + _WINDOW

    def window_is_closed(self, person: Person) -> bool:
        """Tell whether WhatsApp would refuse a free text to this person by now."""
        return self.now > (self.window_until(person) or self.now)

    def memory(self, person: Person) -> dict[str, dict[str, Any]]:
        """Return what is remembered now for a person, by scope and key."""
        return {
            word: {key: value for key, (value, _) in entries.items()}
            for word, entries in self.entries(person).items()
        }

    def entries(self, person: Person) -> dict[str, dict[str, tuple[Any, int | None]]]:
        """Return what is remembered now for a person with its ends (ms, null = never), by scope and key."""
        return {
            word: {
                key: (kept.value, kept.ends_at)
                for key, kept in self._kept.get(scope, {}).items()
                if kept.live(self.now)
            }
            for word, scope in self._owner(person).scopes().items()
        }

    def plans(self, person: Person) -> list[Plan]:
        """Return what waits for its moment in a person's chat, the next first."""
        waiting = [plan for plan in self._plans if plan.person.chat_id == person.chat_id]
        return sorted(waiting, key=lambda plan: plan.due)

    def top(self, key: str, n: int, word: str) -> list[dict[str, Any]]:
        """Return the highest numbers under a key with their owners, the highest first."""
        named = {f"contact:{p.contact_id}": p.sender for p in self._people.values()}
        found = [
            (kept.value, scope, named.get(scope, Sender(scope.partition(":")[2])))
            for scope, entries in self._kept.items()
            for name, kept in entries.items()
            if name == key and scope.startswith(f"{word}:") and type(kept.value) in {int, float}
        ]
        found.sort(key=lambda entry: (-entry[0], entry[1]))
        return [{"id": who.id, "name": who.name, "value": value} for value, _, who in found[:n]]

    def take(self, effects: tuple[Effect, ...], person: Person) -> None:
        """Let what a run decided become true; raises TooManyPlansError."""
        for effect in effects:
            if isinstance(effect, Remember | Increment | Forget):
                self._remember(effect, self._owner(person).scopes()[effect.scope])
            elif isinstance(effect, Schedule):
                self._drop(person, effect.name)
                plan = Plan(effect.due, person, effect.command_id, effect.arguments, effect.name)
                self._plans.append(plan)
            elif isinstance(effect, Cancel):
                self._drop(person, effect.name)
            elif isinstance(effect, Cool):
                self._rests[effect.command_id, effect.scope] = effect.until
            elif isinstance(effect, Handoff):
                self.paused.add(person.chat_id)
        self._count_plans(person)

    def next_plan(self, until: int) -> Plan | None:
        """Take the next plan that comes due by a moment (ms) and set the clock to it; None when there is none."""
        due = [plan for plan in self._plans if plan.due <= until]
        if not due:
            return None
        plan = min(due, key=lambda each: each.due)
        self._plans.remove(plan)
        self.now = max(self.now, plan.due)
        return plan

    def freeze(self) -> dict[str, Any]:
        """Write this world as JSON data; the people in it aside."""
        return {
            "now": self.now,
            "turns": self._turns,
            "paused": sorted(self.paused),
            "kept": {
                scope: {key: [kept.value, kept.ends_at] for key, kept in entries.items()}
                for scope, entries in self._kept.items()
            },
            "plans": [
                [plan.due, plan.person.chat_id, plan.command_id, dict(plan.arguments), plan.name]
                for plan in self._plans
            ],
            "rests": [[*named, until] for named, until in self._rests.items()],
            "heard": [list(each) for each in self._heard.items()],
            "past": [[chat, _lately(said)] for chat, said in self._past.items()],
        }

    def thaw(self, frozen: Mapping[str, Any]) -> None:
        """Go on from what `freeze` wrote, with the people that were met."""
        people = {person.chat_id: person for person in self._people.values()}
        self.now, self._turns, self.paused = frozen["now"], frozen["turns"], set(frozen["paused"])
        self._kept = {
            scope: {key: _Kept(*kept) for key, kept in entries.items()}
            for scope, entries in frozen["kept"].items()
        }
        self._plans = [
            Plan(due, people[chat], command, arguments, name)
            for due, chat, command, arguments, name in frozen["plans"]
            if chat in people
        ]
        self._rests = {(command, scope): until for command, scope, until in frozen["rests"]}
        self._heard = dict(frozen["heard"])
        self._past = {chat: [(role, words) for role, words in said] for chat, said in frozen["past"]}

    def _owner(self, person: Person) -> Owner:
        return Owner(self._program.brain_id, person.contact_id, person.chat_id)

    def _remember(self, effect: Remember | Increment | Forget, scope: str) -> None:
        entries = self._kept.setdefault(scope, {})
        kept = entries.pop(effect.key, None)
        before = kept if kept and kept.live(self.now) else None
        values = {effect.key: before.value} if before else {}
        change(values, effect)
        if not isinstance(effect, Forget):
            end = ends_at(effect, self.now, before.ends_at if before else None, was_live=before is not None)
            entries[effect.key] = _Kept(values[effect.key], end)

    def _drop(self, person: Person, name: str) -> None:
        if name:
            chat_id = person.chat_id
            self._plans = [p for p in self._plans if (p.person.chat_id, p.name) != (chat_id, name)]

    def _count_plans(self, person: Person) -> None:
        grant = self._program.document.grants.schedule
        most = grant.max_pending if grant else limits.SCHEDULED
        if sum(plan.person.chat_id == person.chat_id for plan in self._plans) > most:
            raise TooManyPlansError(
                f"At most {most} scheduled commands may wait in one chat: cancel some, or name them."
            )


def _lately(said: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the end of what was said: as much as a prompt may look back on."""
    kept, chars = [], 0
    for role, words in reversed(said):
        chars += len(words)
        if chars > limits.AI_PAST_CHARS:
            break
        kept.append([role, words])
    return kept[::-1]
