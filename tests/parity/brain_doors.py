"""A brain's test played without an installation: as `brain test` does, and on the phones of the playground."""

from collections.abc import Mapping
from typing import Any

from app.brains import playground as pg
from app.brains.document.test_cases import Act, BrainTest, parse_duration
from app.brains.playground.records import load_effect
from app.brains.playground.variant import compute_seed
from app.brains.runtime.program import Program
from app.brains.sandbox import Sandbox
from app.brains.testing.bursts import is_joined
from app.brains.testing.player import Player
from app.brains.testing.world import World
from app.brains.text import fold
from tests.parity.observation import Observation, sort_memory

_KINDS = {
    "image": "image", "voice": "audio", "location": "location", "document": "document", "contact": "contacts",
    "order": "order", "form": "flow", "button": "button", "list": "list",
}  # fmt: skip


def play_test(program: Program, case: BrainTest, sandbox: Sandbox) -> Observation:
    """Play a test as `brain test` does; a step that does not hold is an AssertionError."""
    player = Player(program, case, sandbox)
    seen = Observation()
    for result in player.run():
        assert result.ok, (result.number, result.why)
        if result.effects:
            seen.add(result.number, result.effects)
    _add_world(seen, player.world.to_json())
    return seen


def _add_world(seen: Observation, world: Mapping[str, Any]) -> None:
    seen.memory = sort_memory(
        (scope, key, value, ends_at)
        for scope, entries in world["kept"].items()
        for key, (value, ends_at) in entries.items()
        if ends_at is None or ends_at > world["now"]
    )
    seen.schedules = sorted((due, command, name) for due, _, command, _, name in world["plans"])
    seen.paused = len(world["paused"])


class PlaygroundChat:
    """A test played on the phones of a playground."""

    def __init__(self, program: Program, case: BrainTest, sandbox: Sandbox) -> None:
        self._programs, self._case, self._sandbox = {pg.DRAFT: program}, case, sandbox
        start = case.start
        self._state = pg.create(start.name, start.phone or "15550100001")
        if start.group:
            self._state = pg.add_group(self._state)
        self._group = self._state["open"] if start.group else ""
        self._phones = {fold(start.name): "p1"}
        self._at = World(program, start).now
        for stub in case.stubs:
            canned = {"match": "", **stub.model_dump(exclude_none=True)}
            self._state = pg.set_canned_answer(self._state, canned)
        for scope, entries in start.memory.items():
            for key, value in entries.items():
                self._apply(kind="set", scope=scope, key=key, value=value, name=start.name)

    def play(self) -> Observation:
        """Play all steps and return what the draft did."""
        seen, held = Observation(), list[str]()
        for number, step in enumerate(self._case.steps, 1):
            if self._is_typing_on(number):
                held.append(str(step.user))
                continue
            if step.wait is not None:
                span = 1000 * (parse_duration(step.wait) or 0)
                self._at += span
                self._watch(seen, number, {"kind": "wait", "ms": span, "name": self._case.start.name})
            elif step.user is not None:
                name = step.as_ or self._case.start.name
                given = self._build_input(name, step.user)
                if held:
                    texts = [*held, given["text"]]
                    given |= {"text": "\n".join(texts), "texts": texts}
                    held = []
                self._watch(seen, number, {"name": name, **given})
        _add_world(seen, self._state["worlds"][pg.DRAFT])
        return seen

    def _is_typing_on(self, number: int) -> bool:
        """Tell whether a text is sent at once with that of the next step."""
        settings = self._programs[pg.DRAFT].document.settings
        both = self._case.steps[number - 1 : number + 1]
        return (
            len(both) == 2
            and both[0].as_ == both[1].as_
            and all(
                isinstance(each.user, str) and is_joined(each.user, settings, is_group=bool(self._group))
                for each in both
            )
        )

    def _watch(self, seen: Observation, number: int, given: dict[str, Any]) -> None:
        before = self._state["count"]
        self._apply(**given)
        for each in self._state["inputs"]:
            if each["id"] > before:
                if each["kind"] != "wait":
                    seen.seeds[number] = compute_seed(each)
                for run in self._state["answers"][pg.DRAFT][str(each["id"])]:
                    assert run["status"] not in {"failed", "broken"}, run
                    if run["effects"]:
                        seen.add(number, map(load_effect, run["effects"]))

    def _apply(self, *, name: str, **given: Any) -> None:
        phone = self._find_phone(name)
        writer = {"as": name} if self._group else {}
        whole = {"phone": self._group or phone, "at": self._at, "text": "", **writer, **given}
        self._state = pg.act(self._state, whole, self._programs, self._sandbox)

    def _find_phone(self, name: str) -> str:
        key = fold(name)
        if key not in self._phones:
            number = str(15_550_100_001 + len(self._phones))
            self._state = pg.add_person(self._state, name, number)
            self._phones[key] = self._state["open"]
        return self._phones[key]

    def _build_input(self, name: str, user: str | Act) -> dict[str, Any]:
        if isinstance(user, str):
            return {"kind": "text", "text": user}
        if user.burst:
            return {"kind": "text", "text": "\n".join(user.burst), "texts": list(user.burst)}
        if user.quote:
            return {"kind": "text", "text": user.quote, "quoted": self._find_last_words(name)}
        value = getattr(user, user.kind)
        if user.kind == "form":
            return {"kind": "flow", "text": "; ".join(f"{key}: {each}" for key, each in value.items())}
        if user.kind in {"button", "list"}:
            return self._find_choice(name, user.kind, fold(value))
        return {"kind": _KINDS[user.kind], "text": "" if value is True else value}

    def _find_last_words(self, name: str) -> str:
        phone = self._group or self._find_phone(name)
        places = [
            f"draft.{line.given['id']}.{run['number']}.{effect}"
            for line in pg.list_lines(self._state, phone)
            for run in line.answers[pg.DRAFT]
            for effect in range(len(run["effects"]))
        ]
        return next(
            words for place in reversed(places) if (words := pg.find_words(self._state, phone, place))
        )

    def _find_choice(self, name: str, kind: str, wanted: str) -> dict[str, Any]:
        """Press the newest button or row of this title or id on somebody's phone."""
        phone = self._group or self._find_phone(name)
        for line in reversed(pg.list_lines(self._state, phone)):
            for run in reversed(line.answers[pg.DRAFT]):
                for effect in reversed(range(len(run["effects"]))):
                    for choice in range(10):
                        place = f"draft.{line.given['id']}.{run['number']}.{effect}.{choice}"
                        found = pg.find_choice(self._state, place)
                        if (
                            found
                            and found["kind"] == kind
                            and wanted in {fold(found["text"]), fold(found["choice"])}
                        ):
                            return dict(found)
        raise AssertionError(f"no {kind} “{wanted}” on the phone")
