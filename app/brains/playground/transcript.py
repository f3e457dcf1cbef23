"""What a phone shows: each input with what both arms made of it, and whether they differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.brains.effects import Reply, canonical_json
from app.brains.playground.course import shown_of
from app.brains.playground.ground import ARMS, DRAFT, LIVE, State
from app.brains.playground.records import VISIBLE, Record, read

SAME: Final = "same"
DIFFERS: Final = "differs"
INSIDE: Final = "inside"  # says the same, but decides something else


@dataclass(frozen=True, slots=True)
class Line:
    """One input on a phone (a wait is on all of them), the runs of each arm, and `before` a replay those of the draft.

    `mark`: same | differs | inside; empty where only one arm was asked, or nothing ran.
    """

    given: Mapping[str, Any]
    answers: Mapping[str, list[Record]]
    mark: str = ""
    before: list[Record] | None = None


def lines(state: State, phone_id: str) -> list[Line]:
    """Return what happened on a phone, the oldest first."""
    found = []
    for given in state["inputs"]:
        key = str(given["id"])
        answers = {arm: _of(state["answers"][arm].get(key, ()), phone_id) for arm in ARMS}
        if given["phone"] != phone_id and given["kind"] != "wait":
            continue
        before = _of(state["before"][key], phone_id) if key in state["before"] else None
        asked = all(key in state["answers"][arm] for arm in ARMS)
        found.append(Line(given, answers, _mark(answers) if asked else "", before))
    return [each for each in found if _is_shown(each)]


def asked(state: State) -> list[dict[str, Any]]:
    """Return what the newest runs asked of others, each once, with the answer kept for it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    canned = {(each["call"], each["match"]): each for each in state["canned"]}
    for runs in (runs for arm in ARMS for runs in state["answers"][arm].values()):
        for call in (call for run in runs for call in run["calls"]):
            named = (str(call["method"]), str(call.get("short", "")))
            # Who scores highest is known from the phones' own memory.
            if named[0] != "memory.top" and call.get("refused") not in {"denied", "limit"}:
                found[named] = {"call": named[0], "match": named[1], "made_up": named[0] == "ai"}
    for named, kept in canned.items():
        found[named] = {**found.get(named, {"call": named[0], "match": named[1]}), **kept, "made_up": False}
    return list(found.values())


def choice_of(state: State, place: str) -> dict[str, Any] | None:
    """Find what can be pressed at a place (arm.input.run.effect.choice): its kind, text, id and what it is under."""
    arm, *numbers = place.split(".")
    if arm not in ARMS or len(numbers) != 4 or not all(each.isdecimal() for each in numbers):
        return None
    run, effect, choice = (int(each) for each in numbers[1:])
    runs = state["answers"][arm].get(numbers[0], [])
    effects = runs[run]["effects"] if run < len(runs) else []
    reply = read(effects[effect]) if effect < len(effects) else None
    if not isinstance(reply, Reply):
        return None
    rows = [row for part in reply.menu.sections for row in part.rows] if reply.menu else []
    offered = [(each.id, each.title) for each in (*reply.buttons, *rows)]
    if choice >= len(offered):
        return None
    kind = "list" if reply.menu else "button"
    return {"kind": kind, "choice": offered[choice][0], "text": offered[choice][1], "quoted": reply.text}


def _of(records: Any, phone_id: str) -> list[Record]:
    # A wait has the runs of all phones: each keeps the number it has among them.
    return [{**each, "number": n} for n, each in enumerate(records) if each["phone"] == phone_id]


def _mark(answers: Mapping[str, list[Record]]) -> str:
    draft, live = answers[DRAFT], answers[LIVE]
    if not (draft or live):
        return ""
    if shown_of(draft) == shown_of(live):
        return SAME
    return INSIDE if _seen(draft) == _seen(live) else DIFFERS


def _seen(records: list[Record]) -> str:
    """Write what a person sees of runs."""
    effects = [each for run in records for each in run["effects"] if each["type"] in VISIBLE]
    failed = [run["why"] for run in records if run["status"] in {"failed", "broken"}]
    return canonical_json([effects, failed])


def _is_shown(line: Line) -> bool:
    """Leave out a pause of no length in which nothing happened on this phone."""
    return line.given["kind"] != "wait" or line.given["ms"] > 0 or any(line.answers.values())
