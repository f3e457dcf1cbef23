"""The course of a playground: one more input for both arms, or all of them again on a new draft."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.brains.effects import canonical_json
from app.brains.playground.arm import EDITS, Arm, Broken
from app.brains.playground.ground import ARMS, DRAFT, State, bounded
from app.brains.playground.records import Record, unrun
from app.brains.program import Program
from app.brains.runtime import Runs

NOTHING_LIVE: Final = "Nothing is live yet."

Programs = Mapping[str, Program | Broken]  # by arm; without a live version only the draft


def act(state: State, given: Mapping[str, Any], programs: Programs, sandbox: Runs) -> State:
    """Let an input happen in both arms; `given` has kind, phone and at (ms, on the playground's clock)."""
    arms = {arm: _arm(program, state, state["worlds"].get(arm), sandbox) for arm, program in programs.items()}
    for each in _passed(state, given, arms):
        state = _happen(state, each, arms)
    return bounded(_kept(state, arms))


def replay(state: State, draft: Program, sandbox: Runs, late: Callable[[], bool]) -> tuple[State, int]:
    """Let all inputs happen again on a new draft, from an empty memory.

    Returns the state and how many answers are other than before; stops where `late` says so, and what is left keeps
    its earlier answer.
    """
    arm = Arm(draft, state, None, sandbox)
    old = state["answers"][DRAFT]
    answers, before = dict(old), {}
    for given in state["inputs"]:
        if late():
            break
        key = str(given["id"])
        answers[key] = arm.act(given)
        if shown_of(answers[key]) != shown_of(old.get(key, [])):
            before[key] = [{**each, "trace": None} for each in old.get(key, [])]
    worlds = {**state["worlds"], DRAFT: arm.world.freeze()}
    done = {**state, "answers": {**state["answers"], DRAFT: answers}, "before": before, "worlds": worlds}
    return bounded(done), len(before)


def shown_of(records: list[Record]) -> str:
    """Write what runs came to, so that two can be compared: where nothing differs, the texts are the same."""
    return canonical_json(
        [
            [each["phone"], each["status"], each["command_id"], each["effects"], _error(each)]
            for each in records
        ]
    )


def _error(each: Record) -> Any:
    return each["why"] if each["status"] in {"failed", "broken"} else None


def _arm(
    program: Program | Broken, state: State, frozen: Mapping[str, Any] | None, sandbox: Runs
) -> Arm | Broken:
    return program if isinstance(program, Broken) else Arm(program, state, frozen, sandbox)


def _passed(state: State, given: Mapping[str, Any], arms: Mapping[str, Arm | Broken]) -> list[dict[str, Any]]:
    """Number an input; what came due while nobody did anything happens before it, as time that passed."""
    number = state["count"] + 1
    due = [
        plan.due
        for arm in arms.values()
        if isinstance(arm, Arm)
        for phone in state["phones"]
        for plan in arm.world.plans(arm.person(phone["id"]))
    ]
    if given["kind"] == "wait" or not any(each <= given["at"] for each in due):
        return [{**given, "id": number}]
    wait = {"kind": "wait", "phone": given["phone"], "at": given["at"], "ms": 0, "id": number}
    return [wait, {**given, "id": number + 1}]


def _happen(state: State, given: Mapping[str, Any], arms: Mapping[str, Arm | Broken]) -> State:
    key = str(given["id"])
    answers = {
        name: {**state["answers"][name], key: _answered(arms[name], given)}
        if name in arms
        else state["answers"][name]
        for name in ARMS
    }
    return {**state, "count": given["id"], "inputs": [*state["inputs"], dict(given)], "answers": answers}


def _answered(arm: Arm | Broken, given: Mapping[str, Any]) -> list[Record]:
    if isinstance(arm, Arm):
        return arm.act(given)
    if given["kind"] in {"wait", *EDITS}:
        return []
    return [unrun(given["phone"], given["at"], "broken", arm.why)]


def _kept(state: State, arms: Mapping[str, Arm | Broken]) -> State:
    worlds = {name: arm.world.freeze() for name, arm in arms.items() if isinstance(arm, Arm)}
    return {**state, "worlds": {**state["worlds"], **worlds}}
