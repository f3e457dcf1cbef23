"""Playground input: runs it on the draft and the live version, or replays all inputs on a new draft."""

from collections.abc import Callable, Mapping
from typing import Any

from app.brains.playground.records import Record, build_unrun_record
from app.brains.playground.session import DRAFT, VARIANTS, State, trim
from app.brains.playground.variant import EDITS, BrokenVariant, Variant
from app.brains.runtime.program import Program
from app.brains.sandbox.types import SandboxPort
from app.brains.text import to_canonical_json

Programs = Mapping[str, Program | BrokenVariant]  # by arm; without a live version only the draft


def act(state: State, given: Mapping[str, Any], programs: Programs, sandbox: SandboxPort) -> State:
    """Apply an input to both variants; `given` has kind, phone and at (ms, on the playground's clock)."""
    variants = {
        name: _build_variant(program, state, state["worlds"].get(name), sandbox)
        for name, program in programs.items()
    }
    for each in _number_inputs(state, given, variants):
        state = _apply_input(state, each, variants)
    return trim(_store_worlds(state, variants))


def replay(state: State, draft: Program, sandbox: SandboxPort, late: Callable[[], bool]) -> tuple[State, int]:
    """Replay all inputs on a new draft, from empty variables.

    Returns the state and how many answers are other than before; stops where `late` says so, and what is left keeps
    its earlier answer.
    """
    variant = Variant(draft, state, None, sandbox)
    old = state["answers"][DRAFT]
    answers, before = dict(old), {}
    for given in state["inputs"]:
        if late():
            break
        key = str(given["id"])
        answers[key] = variant.act(given)
        if build_fingerprint(answers[key]) != build_fingerprint(old.get(key, [])):
            before[key] = [{**each, "trace": None} for each in old.get(key, [])]
    worlds = {**state["worlds"], DRAFT: variant.world.to_json()}
    done = {**state, "answers": {**state["answers"], DRAFT: answers}, "before": before, "worlds": worlds}
    return trim(done), len(before)


def build_fingerprint(records: list[Record]) -> str:
    """Return a text that is equal for runs with equal results."""
    return to_canonical_json(
        [
            [each["phone"], each["status"], each["command_id"], each["effects"], _get_error(each)]
            for each in records
        ]
    )


def _get_error(each: Record) -> Any:
    return each["why"] if each["status"] in {"failed", "broken"} else None


def _build_variant(
    program: Program | BrokenVariant, state: State, frozen: Mapping[str, Any] | None, sandbox: SandboxPort
) -> Variant | BrokenVariant:
    return program if isinstance(program, BrokenVariant) else Variant(program, state, frozen, sandbox)


def _number_inputs(
    state: State, given: Mapping[str, Any], variants: Mapping[str, Variant | BrokenVariant]
) -> list[dict[str, Any]]:
    """Number an input; schedules that came due before it become a wait of their own."""
    number = state["count"] + 1
    due = [
        plan.due_at
        for variant in variants.values()
        if isinstance(variant, Variant)
        for phone in state["phones"]
        for plan in variant.world.list_scheduled(variant.get_person(phone["id"]))
    ]
    if given["kind"] == "wait" or not any(each <= given["at"] for each in due):
        return [{**given, "id": number}]
    wait = {"kind": "wait", "phone": given["phone"], "at": given["at"], "ms": 0, "id": number}
    return [wait, {**given, "id": number + 1}]


def _apply_input(
    state: State, given: Mapping[str, Any], variants: Mapping[str, Variant | BrokenVariant]
) -> State:
    key = str(given["id"])
    answers = {
        name: {**state["answers"][name], key: _run_variant(variants[name], given)}
        if name in variants
        else state["answers"][name]
        for name in VARIANTS
    }
    return {**state, "count": given["id"], "inputs": [*state["inputs"], dict(given)], "answers": answers}


def _run_variant(variant: Variant | BrokenVariant, given: Mapping[str, Any]) -> list[Record]:
    if isinstance(variant, Variant):
        return variant.act(given)
    if given["kind"] in {"wait", *EDITS}:
        return []
    return [build_unrun_record(given["phone"], given["at"], "broken", variant.why)]


def _store_worlds(state: State, variants: Mapping[str, Variant | BrokenVariant]) -> State:
    worlds = {
        name: variant.world.to_json() for name, variant in variants.items() if isinstance(variant, Variant)
    }
    return {**state, "worlds": {**state["worlds"], **worlds}}
