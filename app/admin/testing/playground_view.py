"""What the phones beside the editor show, in words and bubbles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.admin import effect_words, times
from app.admin.effect_words import Shown
from app.brains import playground
from app.brains.effects import Effect, React
from app.brains.playground import DRAFT, LIVE, Arm, ArmOf, Line, State
from app.brains.playground.records import Record, read

VERDICTS: Final = {
    "answered": ("Answered", "good"),
    "silent": ("Said nothing", "quiet"),
    "failed": ("Failed", "bad"),
    "broken": ("Cannot run", "bad"),
}
MARKS: Final = {
    "same": ("Same", "good", "The draft and the live version do the same."),
    "differs": ("Differs", "warn", "The draft answers otherwise than the live version."),
    "inside": (
        "Differs inside",
        "info",
        "Both say the same, but something else is remembered or scheduled.",
    ),
}
KINDS: Final = (
    ("image", "photo", "Photo"),
    ("audio", "microphone", "Voice note"),
    ("location", "map-pin", "Location"),
    ("document", "file", "Document"),
    ("sticker", "sticker", "Sticker"),
)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One effect of a run; `place` names it, so that its buttons can be pressed."""

    shown: Shown
    place: str


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: its bubbles, or in words why there are none; `closed` = WhatsApp would refuse its messages."""

    record: Record
    place: str
    word: str
    tone: str
    bubbles: list[Bubble]
    reactions: list[str]
    closed: bool


@dataclass(frozen=True, slots=True)
class Column:
    """What one arm made of an input, or both of them; `before` is what the draft had answered before a replay."""

    arm: str
    title: str
    runs: list[Ran]


@dataclass(frozen=True, slots=True)
class Row:
    """One input with its answers; `note` is for what nobody said."""

    line: Line
    note: str
    columns: list[Column]
    mark: tuple[str, str, str] | None
    before: str


def rows(state: State, phone_id: str, names: Mapping[str, str]) -> list[Row]:
    """Draw what happened on a phone; `names` are the commands' by id."""
    return [_row(line, names) for line in playground.lines(state, phone_id)]


def _row(line: Line, names: Mapping[str, str]) -> Row:
    if line.mark == "same":
        columns = [_column(line, DRAFT, "Draft and live", names)]
    else:
        titles = {DRAFT: "Draft", LIVE: "Live"}
        columns = [_column(line, arm, title, names) for arm, title in titles.items() if line.answers[arm]]
    before = "" if line.before is None else "\n".join(_said(line.before)) or "Nothing"
    return Row(line, _note(line.given), columns, MARKS.get(line.mark), before)


def _column(line: Line, arm: str, title: str, names: Mapping[str, str]) -> Column:
    stem = f"{arm}.{line.given['id']}"
    return Column(arm, title, [_ran(run, f"{stem}.{run['number']}", names) for run in line.answers[arm]])


def _ran(run: Record, place: str, names: Mapping[str, str]) -> Ran:
    made: list[Effect] = [read(each) for each in run["effects"]]
    bubbles = [
        Bubble(shown, f"{place}.{n}")
        for n, effect in enumerate(made)
        if not isinstance(effect, React)
        for shown in effect_words.shown([effect], names, run["at"])
    ]
    word, tone = VERDICTS.get(run["status"], (run["status"], "quiet"))
    closed = bool(run.get("closed")) and any(each.shown.as_ != "note" for each in bubbles)
    return Ran(run, place, word, tone, bubbles, effect_words.reactions(made), closed)


def _said(runs: list[Record]) -> list[str]:
    texts = [
        str(each.get("text") or each.get("caption") or each.get("link") or "")
        for run in runs
        for each in run["effects"]
    ]
    return [text for text in texts if text] or [run["why"] for run in runs if run["why"]]


def _note(given: Mapping[str, Any]) -> str:
    """Say what happened without anybody writing; empty when somebody did."""
    if given["kind"] == "wait":
        return f"{lasting(given['ms'])} passed" if given["ms"] else "Meanwhile"
    owner = effect_words.OWNERS.get(given.get("scope", ""), "")
    if given["kind"] == "set":
        return f"You set {given['key']} = {effect_words.value_words(given['value'])} for {owner}"
    if given["kind"] == "forget":
        return f"You deleted {given['key']} for {owner}"
    return "You let the bot answer again" if given["kind"] == "resume" else ""


def lasting(ms: int) -> str:
    """Return a duration to the hour: 25 hours are not a day."""
    days, rest = divmod(max(ms, 0), times.DAY)
    if not days:
        return times.span(rest)
    return f"{days} d {rest // times.HOUR} h" if rest >= times.HOUR else f"{days} d"


@dataclass(frozen=True, slots=True)
class Kept:
    """One remembered value: `ends_at` in ms, null = never; `changed` = by the newest input."""

    scope: str
    owner: str
    key: str
    value: str
    ends_at: int | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Inside:
    """What one arm knows of the open phone: its memory, what waits, whether a person has taken over, its window."""

    arm: str
    title: str
    kept: list[Kept]
    plans: list[tuple[str, int]]
    paused: bool
    window_until: int | None


def inside(
    state: State, phone_id: str, arms: Mapping[str, ArmOf], told: tuple[Mapping[str, str], int]
) -> list[Inside]:
    """Look into the arms; `told` are the commands' names by id and the playground's moment (ms)."""
    titles = {DRAFT: "Draft", LIVE: "Live"}
    return [
        _inside((name, titles[name]), arm, state, phone_id, told)
        for name, arm in arms.items()
        if isinstance(arm, Arm)
    ]


def _inside(
    named: tuple[str, str], arm: Arm, state: State, phone_id: str, told: tuple[Mapping[str, str], int]
) -> Inside:
    person, (names, now) = arm.person(phone_id), told
    arm.world.now = max(arm.world.now, now)
    changed = _changed(state, named[0])
    kept = [
        Kept(
            scope,
            effect_words.OWNERS[scope],
            key,
            effect_words.value_words(value),
            ends,
            (scope, key) in changed,
        )
        for scope, entries in arm.world.entries(person).items()
        for key, (value, ends) in sorted(entries.items())
    ]
    plans = [(names.get(plan.command_id, plan.command_id), plan.due) for plan in arm.world.plans(person)]
    paused = person.chat_id in arm.world.paused
    return Inside(*named, kept, plans, paused, arm.world.window_until(person))


def _changed(state: State, arm: str) -> set[tuple[str, str]]:
    """Name what the newest input changed in the memory of an arm."""
    if not state["inputs"]:
        return set()
    newest = state["inputs"][-1]
    effects = [each for run in state["answers"][arm].get(str(newest["id"]), ()) for each in run["effects"]]
    found = {
        (each["scope"], each["key"])
        for each in effects
        if each["type"] in {"Remember", "Increment", "Forget"}
    }
    return found | ({(newest["scope"], newest["key"])} if "key" in newest else set())
