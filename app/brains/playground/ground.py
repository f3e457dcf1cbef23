"""What a playground holds, as JSON data: its phones, what was done on them, and what each arm answered."""

from collections.abc import Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.cases import Stub
from app.brains.testing.world import Person
from app.brains.turn import Sender
from app.db import storable, to_json
from app.signals import DomainError

DRAFT: Final = "draft"
LIVE: Final = "live"
ARMS: Final = (DRAFT, LIVE)

PHONES: Final = 8
MEMBERS: Final = 3  # of a group, at least two of them made up on the way
INPUTS: Final = 200
BYTES: Final = 600_000
TRACED: Final = 12  # newest inputs whose runs keep their traces
CANNED: Final = limits.TEST_STUBS

State = dict[str, Any]
Phone = dict[str, Any]


class Refused(DomainError):
    """Something a playground cannot do; the message says what to do instead."""

    code = "playground"


def fresh(name: str, number: str) -> State:
    """Return a playground with one person's phone."""
    person = {"id": "p1", "n": 1, "name": name, "number": number, "group": False}
    return {
        "phones": [person],
        "open": "p1",
        "ahead": 0,  # ms by which its clock is ahead of the real one
        "count": 0,
        "inputs": [],
        "answers": {arm: {} for arm in ARMS},
        "before": {},
        "worlds": {},
        "played": {},  # the document each arm last ran, by its fingerprint
        "canned": [],
        "dropped": 0,
        "seen": [],
    }


def rested(state: State) -> State:
    """Return the playground with the same phones and canned answers, and all that happened forgotten."""
    first = state["phones"][0]
    kept = {name: state[name] for name in ("phones", "open", "canned", "count", "seen")}
    return {**fresh(first["name"], first["number"]), **kept}


def phone_of(state: State, phone_id: str = "") -> Phone:
    """Return a phone by its id; without one, or with one that is not known, the phone that lies open."""
    found = [each for each in state["phones"] if each["id"] == (phone_id or state["open"])]
    return found[0] if found else state["phones"][0]


def add_person(state: State, name: str, number: str) -> State:
    """Put down a phone of somebody who never wrote before, and open it; raises Refused."""
    return _added(
        state, {"name": storable(name.strip())[:60] or "Somebody", "number": number, "group": False}
    )


def add_group(state: State) -> State:
    """Put down a group chat, and open it; raises Refused."""
    count = sum(each["group"] for each in state["phones"])
    return _added(state, {"name": f"Group {count + 1}" if count else "Group", "number": "", "group": True})


def _added(state: State, phone: Phone) -> State:
    if len(state["phones"]) >= PHONES:
        raise Refused(f"There are {PHONES} phones already. Reset the phones to begin again with one.")
    n = max(each["n"] for each in state["phones"]) + 1
    made = {"id": f"p{n}", "n": n, **phone}
    return {**state, "phones": [*state["phones"], made], "open": made["id"]}


def people(state: State) -> dict[str, Person]:
    """Return who uses each phone, by its id. Live, a group's messages do not say who wrote them either."""
    found = {}
    for phone in state["phones"]:
        n, sender = phone["n"], Sender(phone["number"], phone["name"], phone["number"])
        alone = Person(sender, n, n)
        found[phone["id"]] = Person(Sender(""), n, None, is_group=True) if phone["group"] else alone
    return found


def can(state: State, canned: Mapping[str, Any]) -> State:
    """Keep the answer a call gets from now on, in place of an earlier one; without an answer it is taken back.

    Raises Refused for one that is too large.
    """
    named = (canned["call"], canned["match"])
    rest = [each for each in state["canned"] if (each["call"], each["match"]) != named]
    if canned.get("answer") is None and not canned.get("error"):
        return {**state, "canned": rest}
    try:
        Stub.model_validate({name: value for name, value in canned.items() if value is not None})
    except ValueError as error:
        most = limits.TEST_ANSWER_BYTES
        raise Refused(f"This answer cannot be kept: write at most {most:,} bytes of it.") from error
    return {**state, "canned": [*rest, dict(canned)][-CANNED:]}


def bounded(state: State) -> State:
    """Return the playground with its oldest inputs left out until it is small enough to keep."""
    state = _without_old_traces(state)
    drop = max(len(state["inputs"]) - INPUTS, 0)
    while drop < len(state["inputs"]) - 1 and len(to_json(_without_first(state, drop))) > BYTES:
        drop += max((len(state["inputs"]) - drop) // 8, 1)
    return _without_first(state, drop) if drop else state


def _without_first(state: State, count: int) -> State:
    gone = {str(each["id"]) for each in state["inputs"][:count]}
    kept = {arm: _less(state["answers"][arm], gone) for arm in ARMS}
    return {
        **state,
        "inputs": state["inputs"][count:],
        "answers": kept,
        "before": _less(state["before"], gone),
        "dropped": state["dropped"] + count,
    }


def _less(answers: Mapping[str, Any], gone: set[str]) -> dict[str, Any]:
    return {key: value for key, value in answers.items() if key not in gone}


def _without_old_traces(state: State) -> State:
    newest = {str(each["id"]) for each in state["inputs"][-TRACED:]}
    kept = {
        arm: {
            key: runs if key in newest else [{**run, "trace": None} for run in runs]
            for key, runs in state["answers"][arm].items()
        }
        for arm in ARMS
    }
    return {**state, "answers": kept}
