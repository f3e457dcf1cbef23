"""State of a playground as JSON data: phones, inputs, mock responses, size limits."""

import zlib
from collections.abc import Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.document.test_cases import Stub
from app.brains.testing.world import Person
from app.brains.text import fold
from app.brains.turn import Sender
from app.signals import DomainError
from app.text import to_ascii_json, to_storable

DRAFT: Final = "draft"
LIVE: Final = "live"
VARIANTS: Final = (DRAFT, LIVE)

MAX_PHONES: Final = 8
MAX_INPUTS: Final = 200
MAX_BYTES: Final = 600_000
TRACED_INPUTS: Final = 12  # newest inputs whose runs keep their traces
MAX_CANNED: Final = limits.TEST_STUBS
# Numbers of four digits for members of groups that have no phone of their own.
_FIRST_INVENTED: Final = 1_000
_INVENTED_MEMBERS: Final = 9_000

State = dict[str, Any]
Phone = dict[str, Any]


class PlaygroundRefusal(DomainError):
    """Action a playground cannot do; the message says what to do instead."""

    code = "playground"


def create(name: str, number: str) -> State:
    """Create a playground with one person's phone."""
    person = {"id": "p1", "n": 1, "name": name, "number": number, "group": False}
    return {
        "phones": [person],
        "open": "p1",
        "ahead": 0,  # ms by which its clock is ahead of the real one
        "count": 0,
        "inputs": [],
        "answers": {variant: {} for variant in VARIANTS},
        "before": {},
        "worlds": {},
        "played": {},  # the document each arm last ran, by its fingerprint
        "canned": [],
        "dropped": 0,
        "seen": [],
    }


def reset(state: State) -> State:
    """Return the playground with the same phones and mock responses, without any inputs."""
    first = state["phones"][0]
    kept = {name: state[name] for name in ("phones", "open", "canned", "count", "seen")}
    return {**create(first["name"], first["number"]), **kept}


def get_phone(state: State, phone_id: str = "") -> Phone:
    """Return a phone by its id; for none or an unknown id, the open phone."""
    found = [each for each in state["phones"] if each["id"] == (phone_id or state["open"])]
    return found[0] if found else state["phones"][0]


def add_person(state: State, name: str, number: str) -> State:
    """Add and open the phone of a new person; raises PlaygroundRefusal."""
    return _add_phone(
        state, {"name": to_storable(name.strip())[:60] or "Somebody", "number": number, "group": False}
    )


def add_group(state: State) -> State:
    """Add and open a group chat; raises PlaygroundRefusal."""
    count = sum(each["group"] for each in state["phones"])
    return _add_phone(
        state, {"name": f"Group {count + 1}" if count else "Group", "number": "", "group": True}
    )


def _add_phone(state: State, phone: Phone) -> State:
    if len(state["phones"]) >= MAX_PHONES:
        raise PlaygroundRefusal(
            f"There are {MAX_PHONES} phones already. Reset the phones to begin again with one."
        )
    n = max(each["n"] for each in state["phones"]) + 1
    made = {"id": f"p{n}", "n": n, **phone}
    return {**state, "phones": [*state["phones"], made], "open": made["id"]}


def build_people(state: State) -> dict[str, Person]:
    """Return the person of each phone, by its id; for a group, who wrote there last."""
    return {
        phone["id"]: build_writer(state, phone, _find_last_writer(state, phone)) for phone in state["phones"]
    }


def build_writer(state: State, phone: Phone, name: str) -> Person:
    """Return who writes on a phone: its person; in a group the member of this name, nobody without a name.

    A member who has a phone of their own is the same contact in both chats, as live.
    """
    n = phone["n"]
    if not phone["group"]:
        return Person(Sender(phone["number"], phone["name"], phone["number"]), n, n)
    if not name:
        return Person(Sender(""), n, None, is_group=True)
    known = [each for each in state["phones"] if not each["group"] and fold(each["name"]) == fold(name)]
    # Whoever has no phone here is told from others by the name alone.
    made = zlib.crc32(fold(name).encode()) % _INVENTED_MEMBERS + _FIRST_INVENTED
    number = known[0]["number"] if known else f"1555010{made}"
    return Person(Sender(number, name, number), n, known[0]["n"] if known else made, is_group=True)


def _find_last_writer(state: State, phone: Phone) -> str:
    inputs = [each for each in state["inputs"] if each["phone"] == phone["id"] and each.get("as")]
    return str(inputs[-1]["as"]) if inputs else ""


def set_canned_answer(state: State, canned: Mapping[str, Any]) -> State:
    """Set or replace the mock response of a call; an empty answer removes it.

    Raises Refused for one that is too large.
    """
    named = (canned["call"], canned["match"])
    rest = [each for each in state["canned"] if (each["call"], each["match"]) != named]
    if canned.get("answer") is None and not canned.get("error"):
        return {**state, "canned": rest}
    try:
        Stub.model_validate({name: value for name, value in canned.items() if value not in (None, "")})
    except ValueError as error:
        max_bytes = limits.TEST_ANSWER_BYTES
        raise PlaygroundRefusal(
            f"This answer cannot be kept: write at most {max_bytes:,} bytes of it."
        ) from error
    return {**state, "canned": [*rest, dict(canned)][-MAX_CANNED:]}


def trim(state: State) -> State:
    """Return the playground without its oldest inputs, so that it is small enough to store."""
    state = _drop_old_traces(state)
    drop = max(len(state["inputs"]) - MAX_INPUTS, 0)
    while drop < len(state["inputs"]) - 1 and len(to_ascii_json(_drop_first_inputs(state, drop))) > MAX_BYTES:
        drop += max((len(state["inputs"]) - drop) // 8, 1)
    return _drop_first_inputs(state, drop) if drop else state


def _drop_first_inputs(state: State, count: int) -> State:
    dropped = {str(each["id"]) for each in state["inputs"][:count]}
    kept = {variant: _drop_keys(state["answers"][variant], dropped) for variant in VARIANTS}
    return {
        **state,
        "inputs": state["inputs"][count:],
        "answers": kept,
        "before": _drop_keys(state["before"], dropped),
        "dropped": state["dropped"] + count,
    }


def _drop_keys(answers: Mapping[str, Any], dropped: set[str]) -> dict[str, Any]:
    return {key: value for key, value in answers.items() if key not in dropped}


def _drop_old_traces(state: State) -> State:
    newest = {str(each["id"]) for each in state["inputs"][-TRACED_INPUTS:]}
    kept = {
        variant: {
            key: runs if key in newest else [{**run, "trace": None} for run in runs]
            for key, runs in state["answers"][variant].items()
        }
        for variant in VARIANTS
    }
    return {**state, "answers": kept}
