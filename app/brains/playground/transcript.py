"""Transcript of a playground phone: each input with both versions' answers and whether they differ."""

from collections.abc import Mapping
from typing import Any, Final, NotRequired, TypedDict

from app.brains.effects.model import Reply
from app.brains.playground.actions import build_fingerprint
from app.brains.playground.records import VISIBLE, Record, load_effect
from app.brains.playground.session import DRAFT, LIVE, VARIANTS, State
from app.brains.text import to_canonical_json
from app.immutable import immutable
from app.text import parse_index

SAME: Final = "same"
DIFFERS: Final = "differs"
INSIDE: Final = "inside"  # says the same, but decides something else


class RequestedCall(TypedDict):
    """External request of a run with its mock response; `made_up`: a simulated AI reply stands in."""

    call: str
    match: str
    made_up: bool
    answer: NotRequired[Any]
    error: NotRequired[str | None]


class PressedChoice(TypedDict):
    """Pressed button or chosen row: kind (button | list), its id, its title, and the text it stands under."""

    kind: str
    choice: str
    text: str
    quoted: str


@immutable
class TranscriptLine:
    """Input on a phone (a wait is on all), the runs of each variant, and `before` a replay those of the draft.

    `mark`: same | differs | inside; empty where only one arm was asked, or nothing ran.
    """

    given: Mapping[str, Any]
    answers: Mapping[str, list[Record]]
    mark: str = ""
    before: list[Record] | None = None


def list_lines(state: State, phone_id: str) -> list[TranscriptLine]:
    """Return the lines of a phone, oldest first."""
    found = []
    for given in state["inputs"]:
        key = str(given["id"])
        answers = {
            variant: _select_phone_records(state["answers"][variant].get(key, ()), phone_id)
            for variant in VARIANTS
        }
        if given["phone"] != phone_id and given["kind"] != "wait":
            continue
        before = _select_phone_records(state["before"][key], phone_id) if key in state["before"] else None
        has_both = all(key in state["answers"][variant] for variant in VARIANTS)
        found.append(TranscriptLine(given, answers, _compare_variants(answers) if has_both else "", before))
    return [each for each in found if _is_shown(each)]


def list_calls(state: State) -> list[RequestedCall]:
    """Return the external requests of the newest runs, each once, with its mock response."""
    found: dict[tuple[str, str], RequestedCall] = {}
    canned = {(each["call"], each["match"]): each for each in state["canned"]}
    for runs in (runs for variant in VARIANTS for runs in state["answers"][variant].values()):
        for call in (call for run in runs for call in run["calls"]):
            named = (str(call["method"]), str(call.get("short", "")))
            # Who scores highest is known from the phones' own memory.
            if named[0] != "memory.top" and call.get("refused") not in {"denied", "limit"}:
                found[named] = {"call": named[0], "match": named[1], "made_up": named[0] == "ai"}
    for named, kept in canned.items():
        found[named] = {"call": named[0], "match": named[1], "made_up": False}
        if "answer" in kept:
            found[named]["answer"] = kept["answer"]
        if "error" in kept:
            found[named]["error"] = kept["error"]
    return list(found.values())


def find_choice(state: State, place: str) -> PressedChoice | None:
    """Find the button or row at a place (variant.input.run.effect.choice): kind, text, id and parent text."""
    variant, *numbers = place.split(".")
    if variant not in VARIANTS or len(numbers) != 4:
        return None
    run, effect, choice = (parse_index(each) for each in numbers[1:])
    if run is None or effect is None or choice is None:
        return None
    runs = state["answers"][variant].get(numbers[0], [])
    effects = runs[run]["effects"] if run < len(runs) else []
    reply = load_effect(effects[effect]) if effect < len(effects) else None
    if not isinstance(reply, Reply):
        return None
    rows = [row for part in reply.menu.sections for row in part.rows] if reply.menu else []
    offered = [(each.id, each.title) for each in (*reply.buttons, *rows)]
    if choice >= len(offered):
        return None
    kind = "list" if reply.menu else "button"
    return {"kind": kind, "choice": offered[choice][0], "text": offered[choice][1], "quoted": reply.text}


def find_words(state: State, phone_id: str, place: str) -> str:
    """Return the words of a message of a phone, to quote them; empty when there is none.

    `place`: in.INPUT for what a person wrote, of texts the last; VARIANT.INPUT.RUN.EFFECT for what the bot said.
    """
    side, *numbers = place.split(".")
    if side == "in" and len(numbers) == 1:
        own = [
            each for each in state["inputs"] if str(each["id"]) == numbers[0] and each["phone"] == phone_id
        ]
        return str(own[0].get("texts", [own[0].get("text", "")])[-1]) if own else ""
    if side not in VARIANTS or len(numbers) != 3:
        return ""
    run, effect = (parse_index(each) for each in numbers[1:])
    runs = state["answers"][side].get(numbers[0], [])
    if run is None or effect is None or run >= len(runs) or runs[run]["phone"] != phone_id:
        return ""
    effects = runs[run]["effects"]
    found = effects[effect] if effect < len(effects) else {}
    return str(found.get("text") or found.get("caption") or "")


def _select_phone_records(records: Any, phone_id: str) -> list[Record]:
    # A wait has the runs of all phones: each keeps the number it has among them.
    return [{**each, "number": n} for n, each in enumerate(records) if each["phone"] == phone_id]


def _compare_variants(answers: Mapping[str, list[Record]]) -> str:
    draft, live = answers[DRAFT], answers[LIVE]
    if not (draft or live):
        return ""
    if build_fingerprint(draft) == build_fingerprint(live):
        return SAME
    return INSIDE if _build_visible_fingerprint(draft) == _build_visible_fingerprint(live) else DIFFERS


def _build_visible_fingerprint(records: list[Record]) -> str:
    """Return a text that is equal for runs a person sees as equal."""
    effects = [each for run in records for each in run["effects"] if each["type"] in VISIBLE]
    failed = [run["why"] for run in records if run["status"] in {"failed", "broken"}]
    return to_canonical_json([effects, failed])


def _is_shown(line: TranscriptLine) -> bool:
    """Tell whether a line is shown: a wait of no length without runs on this phone is not."""
    return line.given["kind"] != "wait" or line.given["ms"] > 0 or any(line.answers.values())
