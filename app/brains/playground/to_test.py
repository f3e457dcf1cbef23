"""Conversion of a playground conversation to a test of its brain."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.brains import limits
from app.brains.example_messages import is_file_name, parse_answers
from app.brains.playground.records import Record, load_effect
from app.brains.playground.session import DRAFT, PlaygroundRefusal, State, get_phone
from app.brains.playground.transcript import TranscriptLine, list_lines
from app.brains.playground.variant import EDITS, MADE_UP_ANSWER, compute_seed
from app.brains.testing.assertions import BotAnswer, list_answers

CaseData = dict[str, Any]

_MAX_LINES: Final = limits.TEST_STEPS // 4  # each may need a wait before and several answers behind


class NothingToSave(PlaygroundRefusal):
    """Phone without any answered input."""

    code = "nothing-to-save"


def build_case(state: State, phone_id: str, zone: ZoneInfo) -> CaseData:
    """Convert a phone's conversation to a test with the draft's answers; raises NothingToSave.

    What was set by hand before the first message is in its memory at the start.
    """
    phone, lines = get_phone(state, phone_id), list_lines(state, phone_id)
    first = next((n for n, each in enumerate(lines) if each.given["kind"] not in {"wait", *EDITS}), None)
    if first is None:
        raise NothingToSave("Nobody has said anything on this phone yet. Write something first.")
    if any(
        each.given["kind"] == "document" and each.given["text"] and not is_file_name(each.given["text"])
        for each in lines
    ):
        raise NothingToSave("A test knows documents by their names only, and one here has a caption.")
    if any(run["status"] in {"failed", "broken"} for each in lines for run in each.answers[DRAFT]):
        raise NothingToSave(
            "The draft failed in this conversation. Repair it and replay the conversation first."
        )
    began = lines[first].given["at"]
    start: CaseData = {
        "time": datetime.fromtimestamp(began // 1000, zone).isoformat(),
        "name": phone["name"][:60],
    }
    if phone["group"]:
        start["group"] = True
    memory = _build_memory([each.given for each in lines[:first]])
    steps = [step for each in _build_steps(lines[first : first + _MAX_LINES], began) for step in each]
    case: CaseData = {
        "start": {**start, "memory": memory} if memory else start,
        "steps": steps[: limits.TEST_STEPS],
    }
    stubs = _build_stubs(state)
    return {**case, "stubs": stubs} if stubs else case


def _build_steps(transcript: Sequence[TranscriptLine], began: int) -> Iterator[list[CaseData]]:
    clock, said_last = began // 1000, ""
    for line in transcript:
        if line.given["kind"] in EDITS:
            continue
        moment = line.given["at"] // 1000
        waited = [{"wait": f"{moment - clock}s"}] if moment > clock else []
        clock = max(moment, clock)
        answers = [step for run in line.answers[DRAFT] for step in _build_answers(run)]
        if line.given["kind"] == "wait":
            yield [*waited, *answers]
        else:
            writer = {"as": str(line.given["as"])} if line.given.get("as") else {}
            act = _build_act(line.given, said_last)
            said = {"user": act, **writer, "seed": compute_seed(line.given)}
            yield [*waited, said, *(answers or [{"silent": True}])]
        said_last = next(
            (answer.text for run in reversed(line.answers[DRAFT]) for answer in reversed(_list_said(run))),
            said_last,
        )


def _build_act(given: Mapping[str, Any], said_last: str) -> str | CaseData:
    kind, text = given["kind"], given["text"]
    quoted = given.get("quoted") if kind not in _CHOICES else None
    if quoted and (kind != "text" or "texts" in given or quoted != said_last):
        raise NothingToSave("In a test only a single text can quote, and only what the bot has said last.")
    if quoted:
        return {"quote": text}
    if "texts" in given:
        return {"burst": list(given["texts"])}
    if kind == "audio":
        return {"voice": True}
    if kind == "flow":
        return {"form": parse_answers(text)}
    name = _ACTS.get(kind, "image")
    return text if kind == "text" else {name: text[:60] if name in _TITLED else text}


# How a test names what a phone sent; it has no stickers.
_ACTS: Final = {
    "button": "button", "list": "list", "location": "location", "document": "document", "contacts": "contact",
    "order": "order",
}  # fmt: skip
_CHOICES: Final = frozenset({"button", "list"})
_TITLED: Final = frozenset({"button", "list", "contact"})


def _build_answers(run: Record) -> Iterator[CaseData]:
    for answer in _list_said(run):
        yield {"bot": _build_expected(answer)}


def _list_said(run: Record) -> list[BotAnswer]:
    return list(list_answers([load_effect(each) for each in run["effects"]], "phone"))


def _build_expected(answer: BotAnswer) -> str | CaseData:
    titles = [title for _, title in answer.choices]
    return {"exact": answer.text, "choices": titles} if titles else answer.text


def _build_memory(edits: list[Mapping[str, Any]]) -> CaseData:
    kept: CaseData = {}
    for each in edits:
        if each["kind"] == "set":
            kept.setdefault(each["scope"], {})[each["key"]] = each["value"]
        elif each["kind"] == "forget":
            kept.get(each["scope"], {}).pop(each["key"], None)
    return {scope: entries for scope, entries in kept.items() if entries}


def _build_stubs(state: State) -> list[CaseData]:
    """Return mock responses for all calls of the draft: those entered by hand, and the simulated AI answers."""
    found: dict[tuple[str, str], CaseData] = {}
    for given in state["inputs"]:
        for run in state["answers"][DRAFT].get(str(given["id"]), ()):
            for call in run["calls"]:
                named = (str(call["method"]), str(call.get("short", "")))
                if named[0] == "ai":
                    found[named] = {"call": "ai", "answer": MADE_UP_ANSWER.format(named[1])}
    for each in state["canned"]:
        found[each["call"], each["match"]] = {k: v for k, v in each.items() if v is not None and v != ""}
    return list(found.values())[: limits.TEST_STUBS]
