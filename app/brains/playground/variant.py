"""One variant of a playground (draft or live version) with its own simulated chats and mock responses."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from app.brains.capabilities import METHODS
from app.brains.capabilities.contract import CallRefusal, Capabilities
from app.brains.document.test_cases import Start, Stub
from app.brains.effects.model import Forget, MemoryEffect, Remember
from app.brains.example_messages import build_choice_fields, build_example_of
from app.brains.playground.records import Record, build_record, build_unrun_record
from app.brains.playground.session import State, build_people, build_writer, get_phone
from app.brains.runtime.program import Program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.sandbox.types import SandboxPort
from app.brains.testing.bursts import join_burst
from app.brains.testing.stubs import Stubs
from app.brains.testing.world import SCHEDULE_KIND, Person, ScheduleLimitError, World
from app.brains.turn import Turn
from app.immutable import immutable

SEED_MASK: Final = 0xFFFF_FFFF
# What changes a world without asking the brain.
EDITS: Final = frozenset({"set", "forget", "resume"})
PAUSED: Final = "A person answers in this chat: the bot has handed it over"
_MAX_SCHEDULED_RUNS: Final = 50  # scheduled runs within one wait
_TOO_MANY_RUNS: Final = (
    f"more than {_MAX_SCHEDULED_RUNS} scheduled commands came due, so the rest was left out"
)
MADE_UP_ANSWER: Final = "[Simulated AI reply to “{}”]"


@immutable
class BrokenVariant:
    """Variant that cannot run, with the reason."""

    why: str


class PlaygroundStubs(Stubs):
    """Mock responses entered by the operator; nothing is sent."""

    def build_capabilities(self) -> Capabilities:
        """Return the capabilities of the runtime, by method name."""
        return dict.fromkeys(METHODS, self)

    def answer_unknown(self, method: str, what: str) -> Any:
        """Return a simulated AI reply; raises CallRefusal for other calls, whose answers cannot be guessed."""
        if method == "ai":
            return MADE_UP_ANSWER.format(what)
        raise CallRefusal(
            "unavailable",
            f"Nothing leaves this phone. Set the response of {what or method} under “External requests”.",
        )


class Variant:
    """Compiled brain with a simulated world; not shared between threads."""

    def __init__(
        self, program: Program, state: State, frozen: Mapping[str, Any] | None, sandbox: SandboxPort
    ) -> None:
        self._program = program
        self._state = state
        self._people = build_people(state)
        self._runtime = Runtime(sandbox)
        self.world = World(program, Start())
        for person in self._people.values():
            self.world.add_person(person)
        if frozen:
            self.world.restore(frozen)
        stubs = [Stub.model_validate(_drop_empty(each)) for each in state["canned"]]
        self._capabilities = PlaygroundStubs(stubs, self.world).build_capabilities()

    def act(self, given: Mapping[str, Any]) -> list[Record]:
        """Apply an input; returns the runs it caused, in order."""
        if given["kind"] == "wait":
            return list(self._apply_wait(given))
        self.world.now = given["at"]
        person = self._find_writer(given)
        if given["kind"] == "resume":
            self.world.paused.discard(person.chat_id)
            return []
        if given["kind"] in EDITS:
            self.world.apply_effects((_build_edit(given),), person)
            return []
        self.world.open_window(person)
        return [self._answer(given, each, person) for each in self._split_burst(given, person)]

    def _split_burst(self, given: Mapping[str, Any], person: Person) -> list[dict[str, Any]]:
        """Return the fields of the turns of an input: texts sent at once are joined as live, the last one quotes."""
        if "texts" not in given:
            return [_build_turn_fields(given)]
        settings = self._program.document.settings
        joined = join_burst(given["texts"], settings, is_group=person.is_group)
        return [
            *({"kind": "text", "text": each} for each in joined[:-1]),
            _build_turn_fields({**given, "text": joined[-1]}),
        ]

    def _answer(self, given: Mapping[str, Any], fields: Mapping[str, Any], person: Person) -> Record:
        if person.chat_id in self.world.paused:
            return build_unrun_record(given["phone"], given["at"], "silent", PAUSED)
        turn = self.world.build_turn(person, seed=compute_seed(given), **fields)
        return self._run_turn(turn, person, given["phone"])

    def _find_writer(self, given: Mapping[str, Any]) -> Person:
        """Return who an input is from; in a group who it says."""
        phone = get_phone(self._state, given["phone"])
        if not phone["group"]:
            return self._people[phone["id"]]
        writer = build_writer(self._state, phone, str(given.get("as") or ""))
        self.world.add_person(writer)
        return writer

    def get_person(self, phone_id: str) -> Person:
        """Return the person of a phone."""
        return self._people[phone_id]

    def _apply_wait(self, given: Mapping[str, Any]) -> Sequence[Record]:
        """Advance the time to that of the input, running the schedules that come due."""
        records: list[Record] = []
        while (plan := self.world.pop_due(given["at"])) is not None:
            phone = next(name for name, each in self._people.items() if each.chat_id == plan.person.chat_id)
            if plan.person.chat_id in self.world.paused:
                records.append(build_unrun_record(phone, self.world.now, "silent", PAUSED))
                continue
            if len(records) >= _MAX_SCHEDULED_RUNS:
                records.append(build_unrun_record(phone, self.world.now, "silent", _TOO_MANY_RUNS))
                break
            seed = compute_seed(given, len(records) + 1)
            more = {"kind": SCHEDULE_KIND, "command_id": plan.command_id, "arguments": plan.arguments}
            records.append(
                {
                    **self._run_turn(
                        self.world.build_turn(plan.person, seed=seed, **more), plan.person, phone
                    ),
                    "tick": True,
                }
            )
        self.world.now = given["at"]
        return records

    def _run_turn(self, turn: Turn, person: Person, phone: str) -> Record:
        """Run a turn and apply its effects."""
        request = RunRequest(self._program, turn, self._capabilities, measure=True)
        ending = self._runtime.run_many([request])[0]
        outcome = ending.result() if isinstance(ending, Future) else ending
        kept = {
            **build_record(self._program, turn, outcome, phone),
            "closed": self.world.is_window_closed(person),
        }
        if outcome.status == "failed":
            return kept
        try:
            self.world.apply_effects(outcome.effects, person)
        except ScheduleLimitError as error:
            return {**kept, "status": "failed", "why": str(error), "effects": []}
        self.world.record_text(person, "user", turn.text)
        for each in kept["effects"]:
            self.world.record_text(person, "assistant", str(each.get("text") or each.get("caption") or ""))
        return kept


VariantOrBroken = Variant | BrokenVariant


def _drop_empty(canned: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in canned.items() if value is not None and value != ""}


def _build_edit(given: Mapping[str, Any]) -> MemoryEffect:
    if given["kind"] == "forget":
        return Forget(given["scope"], given["key"])
    return Remember(given["scope"], given["key"], given["value"])


def compute_seed(given: Mapping[str, Any], number: int = 0) -> int:
    """Return the random seed of a run: the same in both variants and at each replay."""
    return ((given["id"] * 64 + number) * 2654435761) & SEED_MASK


def _build_turn_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the turn of an input, as for the same live message."""
    kind, text = given["kind"], given["text"]
    quoted = (
        {"quoted": {"id": f"phone.{given['id']}", "text": given["quoted"]}} if given.get("quoted") else {}
    )
    if kind in {"button", "list"}:
        return {**build_choice_fields(kind, given["choice"], text), **quoted}
    if kind == "text":
        return {"kind": kind, "text": text, **quoted}
    return {**build_example_of(kind, text).build_turn_fields(), **quoted}
