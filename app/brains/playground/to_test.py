"""A phone's conversation written down as a test of its brain."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.brains import limits
from app.brains.playground.arm import EDITS, MADE_UP, seed_of
from app.brains.playground.ground import DRAFT, Refused, State, phone_of
from app.brains.playground.records import Record, read
from app.brains.playground.thread import Line, lines
from app.brains.testing.verdict import Said, said_of

Case = dict[str, Any]

_MOST: Final = limits.TEST_STEPS // 4  # each may need a wait before and several answers behind


class NothingToSave(Refused):
    """A phone on which nobody has said anything that was answered."""

    code = "nothing-to-save"


def case_of(state: State, phone_id: str, zone: ZoneInfo) -> Case:
    """Write a phone's conversation as a test, with what the draft answered; raises NothingToSave.

    What was set by hand before the first message is in its memory at the start.
    """
    phone, told = phone_of(state, phone_id), lines(state, phone_id)
    first = next((n for n, each in enumerate(told) if each.given["kind"] not in {"wait", *EDITS}), None)
    if first is None:
        raise NothingToSave("Nobody has said anything on this phone yet. Write something first.")
    if any(run["status"] in {"failed", "broken"} for each in told for run in each.answers[DRAFT]):
        raise NothingToSave(
            "The draft failed in this conversation. Repair it and replay the conversation first."
        )
    began = told[first].given["at"]
    start: Case = {
        "time": datetime.fromtimestamp(began // 1000, zone).isoformat(),
        "name": phone["name"][:60],
    }
    if phone["group"]:
        start["group"] = True
    memory = _memory([each.given for each in told[:first]])
    steps = [step for each in _timed(told[first : first + _MOST], began) for step in each]
    case: Case = {
        "start": {**start, "memory": memory} if memory else start,
        "steps": steps[: limits.TEST_STEPS],
    }
    stubs = _stubs(state)
    return {**case, "stubs": stubs} if stubs else case


def _timed(told: Sequence[Line], began: int) -> Iterator[list[Case]]:
    clock = began // 1000
    for line in told:
        if line.given["kind"] in EDITS:
            continue
        moment = line.given["at"] // 1000
        waited = [{"wait": f"{moment - clock}s"}] if moment > clock else []
        clock = max(moment, clock)
        answers = [step for run in line.answers[DRAFT] for step in _answers(run)]
        if line.given["kind"] == "wait":
            yield [*waited, *answers]
        else:
            said = {"user": _act(line.given), "seed": seed_of(line.given)}
            yield [*waited, said, *(answers or [{"silent": True}])]


def _act(given: Mapping[str, Any]) -> str | Case:
    kind, text = given["kind"], given["text"]
    if kind in {"button", "list"}:
        return {kind: text[:60]}
    if kind == "audio":
        return {"voice": True}
    if kind == "location":
        return {"location": ""}
    return {"image": text} if kind != "text" else text


def _answers(run: Record) -> Iterator[Case]:
    for said in said_of([read(each) for each in run["effects"]], "phone"):
        yield {"bot": _expected(said)}


def _expected(said: Said) -> str | Case:
    titles = [title for _, title in said.choices]
    return {"exact": said.text, "choices": titles} if titles else said.text


def _memory(edits: list[Mapping[str, Any]]) -> Case:
    kept: Case = {}
    for each in edits:
        if each["kind"] == "set":
            kept.setdefault(each["scope"], {})[each["key"]] = each["value"]
        elif each["kind"] == "forget":
            kept.get(each["scope"], {}).pop(each["key"], None)
    return {scope: entries for scope, entries in kept.items() if entries}


def _stubs(state: State) -> list[Case]:
    """Give the answers of all calls the draft made: those written by hand, and what the AI was made to say."""
    found: dict[tuple[str, str], Case] = {}
    for given in state["inputs"]:
        for run in state["answers"][DRAFT].get(str(given["id"]), ()):
            for call in run["calls"]:
                named = (str(call["method"]), str(call.get("short", "")))
                if named[0] == "ai":
                    found[named] = {"call": "ai", "answer": MADE_UP.format(named[1])}
    for each in state["canned"]:
        found[each["call"], each["match"]] = {k: v for k, v in each.items() if v is not None and v != ""}
    return list(found.values())[: limits.TEST_STUBS]
