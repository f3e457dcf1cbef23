"""One arm of a playground: the draft or the live version, with a world and canned answers of its own."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from app.brains.calls import METHODS
from app.brains.capabilities.contract import CallRefused, Capabilities
from app.brains.cases import Start, Stub
from app.brains.effects import Forget, MemoryEffect, Remember
from app.brains.playground.ground import State, people
from app.brains.playground.records import Record, record, unrun
from app.brains.program import Program
from app.brains.runtime import Request, Runs, Runtime
from app.brains.testing.stubs import Stubs
from app.brains.testing.world import TICK, Person, TooManyPlansError, World
from app.brains.turn import Turn

SEED_MASK: Final = 0xFFFF_FFFF
# What changes a world without asking the brain.
EDITS: Final = frozenset({"set", "forget", "resume"})
PAUSED: Final = "A person answers in this chat: the bot has handed it over"
_TICKS: Final = 50  # scheduled runs within one wait
_TOO_OFTEN: Final = f"more than {_TICKS} scheduled commands came due, so the rest was left out"
MADE_UP: Final = "[Made-up answer of the AI to “{}”]"


@dataclass(frozen=True, slots=True)
class Broken:
    """An arm that cannot run, and why in words."""

    why: str


class StandIns(Stubs):
    """Answers every call from what the operator wrote down; nothing goes out."""

    def capabilities(self) -> Capabilities:
        """Return what the runtime asks, by method name."""
        return dict.fromkeys(METHODS, self)

    def unknown(self, method: str, what: str) -> Any:
        """Make up what an AI says; raises CallRefused for other calls, whose answers nobody can guess."""
        if method == "ai":
            return MADE_UP.format(what)
        raise CallRefused(
            "unavailable",
            f"Nothing leaves this phone. Write under “Calls” what {what or method} is to answer, then send again.",
        )


class Arm:
    """A program in a world; not shared between threads."""

    def __init__(
        self, program: Program, state: State, frozen: Mapping[str, Any] | None, sandbox: Runs
    ) -> None:
        self._program = program
        self._people = people(state)
        self._runtime = Runtime(sandbox)
        self.world = World(program, Start())
        for person in self._people.values():
            self.world.meet(person)
        if frozen:
            self.world.thaw(frozen)
        stubs = [Stub.model_validate(_filled(each)) for each in state["canned"]]
        self._capabilities = StandIns(stubs, self.world).capabilities()

    def act(self, given: Mapping[str, Any]) -> list[Record]:
        """Let an input happen; returns the runs it caused, in their order."""
        if given["kind"] == "wait":
            return list(self._wait(given))
        self.world.now = given["at"]
        person = self._people[given["phone"]]
        if given["kind"] == "resume":
            self.world.paused.discard(person.chat_id)
            return []
        if given["kind"] in EDITS:
            self.world.take((_edit(given),), person)
            return []
        self.world.hear(person)
        if person.chat_id in self.world.paused:
            return [unrun(given["phone"], given["at"], "silent", PAUSED)]
        turn = self.world.turn(person, seed=seed_of(given), **_told(given))
        return [self._ran(turn, person, given["phone"])]

    def person(self, phone_id: str) -> Person:
        """Return who uses a phone."""
        return self._people[phone_id]

    def _wait(self, given: Mapping[str, Any]) -> Sequence[Record]:
        """Let time pass until the moment of the input, and what is scheduled happen in it."""
        records: list[Record] = []
        while (plan := self.world.next_plan(given["at"])) is not None:
            phone = next(name for name, each in self._people.items() if each.chat_id == plan.person.chat_id)
            if plan.person.chat_id in self.world.paused:
                records.append(unrun(phone, self.world.now, "silent", PAUSED))
                continue
            if len(records) >= _TICKS:
                records.append(unrun(phone, self.world.now, "silent", _TOO_OFTEN))
                break
            seed = seed_of(given, len(records) + 1)
            more = {"kind": TICK, "command_id": plan.command_id, "arguments": plan.arguments}
            records.append(
                {
                    **self._ran(self.world.turn(plan.person, seed=seed, **more), plan.person, phone),
                    "tick": True,
                }
            )
        self.world.now = given["at"]
        return records

    def _ran(self, turn: Turn, person: Person, phone: str) -> Record:
        """Run a turn and let its effects become true."""
        request = Request(self._program, turn, self._capabilities, measure=True)
        ending = self._runtime.run_many([request])[0]
        outcome = ending.result() if isinstance(ending, Future) else ending
        kept = {**record(self._program, turn, outcome, phone), "closed": self.world.window_is_closed(person)}
        if outcome.status == "failed":
            return kept
        try:
            self.world.take(outcome.effects, person)
        except TooManyPlansError as error:
            return {**kept, "status": "failed", "why": str(error), "effects": []}
        self.world.note(person, "user", turn.text)
        for each in kept["effects"]:
            self.world.note(person, "assistant", str(each.get("text") or each.get("caption") or ""))
        return kept


ArmOf = Arm | Broken


def _filled(canned: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in canned.items() if value is not None and value != ""}


def _edit(given: Mapping[str, Any]) -> MemoryEffect:
    if given["kind"] == "forget":
        return Forget(given["scope"], given["key"])
    return Remember(given["scope"], given["key"], given["value"])


def seed_of(given: Mapping[str, Any], number: int = 0) -> int:
    """Return the chance of a run: the same in both arms and at each replay."""
    return ((given["id"] * 64 + number) * 2654435761) & SEED_MASK


def _told(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a turn holds of an input, as it would of the same message live."""
    kind = given["kind"]
    told: dict[str, Any] = {"kind": kind, "text": given["text"]}
    if kind in {"button", "list"}:
        told |= {
            "text": given["choice"] or given["text"],
            "choice_id": given["choice"],
            "choice_title": given["text"],
        }
        told["quoted"] = {"id": f"phone.{given['id']}", "text": given["quoted"]}
    elif kind in MIMES:
        caption = given["text"] if kind in {"image", "document"} else ""
        told |= {"text": caption, "media": {"kind": kind, "mime": MIMES[kind], "caption": caption}}
    elif kind == "location":
        told["text"] = ""
    return told


MIMES: Final = {
    "image": "image/jpeg",
    "audio": "audio/ogg",
    "document": "application/pdf",
    "sticker": "image/webp",
}
