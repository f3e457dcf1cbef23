"""View model of the playground: bubbles, marks of differences, variables, status words."""

from collections.abc import Mapping
from typing import Any, Final

from app.admin.ui import effects, time_format
from app.admin.ui.effects import EffectView
from app.brains import playground
from app.brains.effects.model import Effect, React
from app.brains.memory.overlay import QUESTION_KEY
from app.brains.playground import DRAFT, LIVE, State, TranscriptLine, Variant, VariantOrBroken
from app.brains.playground.records import Record, load_effect
from app.clock import DAY_MS, HOUR_MS
from app.immutable import immutable

STATUS_WORDS: Final = {
    "answered": ("Answered", "good"),
    "silent": ("No reply", "quiet"),
    "failed": ("Failed", "bad"),
    "broken": ("Cannot run", "bad"),
}
MARKS: Final = {
    "same": ("Same", "good", "The draft and the live version answer the same."),
    "differs": ("Differs", "warn", "The draft and the live version answer differently."),
    "inside": (
        "Differs inside",
        "info",
        "Both answer the same, but variables or schedules differ.",
    ),
}
KINDS: Final = (
    ("image", "photo", "Photo"),
    ("audio", "microphone", "Voice note"),
    ("location", "map-pin", "Location"),
    ("document", "file", "Document"),
    ("sticker", "sticker", "Sticker"),
    ("contacts", "address-book", "Contact card"),
    ("order", "shopping-cart", "Order"),
    ("flow", "list", "Form answers"),
)


@immutable
class Bubble:
    """One effect of a run; `place` names it, so that its buttons can be pressed."""

    effect: EffectView
    key: str


@immutable
class RunView:
    """One run: its bubbles, or in words why there are none; `closed` = WhatsApp would refuse its messages."""

    record: Record
    key: str
    word: str
    tone: str
    bubbles: list[Bubble]
    reactions: list[str]
    window_closed: bool


@immutable
class Column:
    """What one arm made of an input, or both of them; `before` is what the draft had answered before a replay."""

    variant: str
    title: str
    runs: list[RunView]


@immutable
class InputRow:
    """One input with its answers; `note` is for what nobody said."""

    line: TranscriptLine
    note: str
    columns: list[Column]
    mark: tuple[str, str, str] | None
    before: str


def build_rows(state: State, phone_id: str, names: Mapping[str, str]) -> list[InputRow]:
    """Draw what happened on a phone; `names` are the commands' by id."""
    return [_row(line, names) for line in playground.list_lines(state, phone_id)]


def _row(line: TranscriptLine, names: Mapping[str, str]) -> InputRow:
    if line.mark == "same":
        columns = [_column(line, DRAFT, "Draft and live", names)]
    else:
        titles = {DRAFT: "Draft", LIVE: "Live"}
        columns = [_column(line, arm, title, names) for arm, title in titles.items() if line.answers[arm]]
    before = "" if line.before is None else "\n".join(_list_texts(line.before)) or "Nothing"
    return InputRow(line, _note(line.given), columns, MARKS.get(line.mark), before)


def _column(line: TranscriptLine, arm: str, title: str, names: Mapping[str, str]) -> Column:
    stem = f"{arm}.{line.given['id']}"
    return Column(
        arm, title, [_build_run(run, f"{stem}.{run['number']}", names) for run in line.answers[arm]]
    )


def _build_run(run: Record, place: str, names: Mapping[str, str]) -> RunView:
    made: list[Effect] = [load_effect(each) for each in run["effects"]]
    bubbles = [
        Bubble(shown, f"{place}.{n}")
        for n, effect in enumerate(made)
        if not isinstance(effect, React)
        for shown in effects.describe_effects([effect], names, run["at"])
    ]
    word, tone = STATUS_WORDS.get(run["status"], (run["status"], "quiet"))
    closed = bool(run.get("closed")) and any(each.effect.kind != "note" for each in bubbles)
    return RunView(run, place, word, tone, bubbles, effects.get_reactions(made), closed)


def _list_texts(runs: list[Record]) -> list[str]:
    texts = [
        str(each.get("text") or each.get("caption") or each.get("link") or "")
        for run in runs
        for each in run["effects"]
    ]
    return [text for text in texts if text] or [run["why"] for run in runs if run["why"]]


def _note(given: Mapping[str, Any]) -> str:
    """Say what happened without anybody writing; empty when somebody did."""
    if given["kind"] == "wait":
        return f"{format_long_duration(given['ms'])} passed" if given["ms"] else "Meanwhile"
    owner = effects.OWNERS.get(given.get("scope", ""), "")
    if given["kind"] == "set":
        return f"You set {given['key']} = {effects.format_value(given['value'])} for {owner}"
    if given["kind"] == "forget":
        return f"You deleted {given['key']} for {owner}"
    return "You let the bot answer again" if given["kind"] == "resume" else ""


def format_long_duration(ms: int) -> str:
    """Return a duration to the hour: 25 hours are not a day."""
    days, rest = divmod(max(ms, 0), DAY_MS)
    if not days:
        return time_format.format_duration(rest)
    return f"{days} d {rest // HOUR_MS} h" if rest >= HOUR_MS else f"{days} d"


@immutable
class MemoryEntry:
    """A variable: `expires_at` in ms, None = never; `changed` = by the newest input."""

    scope: str
    owner: str
    key: str
    value: str
    expires_at: int | None
    changed: bool


@immutable
class VariantState:
    """What one arm knows of the open phone: its memory, what waits, whether a person has taken over, its window."""

    variant: str
    title: str
    memory: list[MemoryEntry]
    scheduled_runs: list[tuple[str, int]]
    paused: bool
    window_until: int | None


def build_variant_states(
    state: State,
    phone_id: str,
    arms: Mapping[str, VariantOrBroken],
    names_and_now: tuple[Mapping[str, str], int],
) -> list[VariantState]:
    """Look into the arms; `names_and_now` are the commands' names by id and the playground's moment (ms)."""
    titles = {DRAFT: "Draft", LIVE: "Live"}
    return [
        _build_variant_state((name, titles[name]), arm, state, phone_id, names_and_now)
        for name, arm in arms.items()
        if isinstance(arm, Variant)
    ]


def _build_variant_state(
    named: tuple[str, str],
    arm: Variant,
    state: State,
    phone_id: str,
    names_and_now: tuple[Mapping[str, str], int],
) -> VariantState:
    person, (names, now) = arm.get_person(phone_id), names_and_now
    arm.world.now = max(arm.world.now, now)
    changed = _find_changed_keys(state, named[0])
    kept = [
        MemoryEntry(
            scope,
            effects.OWNERS[scope],
            key,
            effects.format_value(value),
            ends,
            (scope, key) in changed,
        )
        for scope, entries in arm.world.get_memory_entries(person).items()
        for key, (value, ends) in sorted(entries.items())
        if key != QUESTION_KEY
    ]
    plans = [
        (names.get(plan.command_id, plan.command_id), plan.due_at)
        for plan in arm.world.list_scheduled(person)
    ]
    paused = person.chat_id in arm.world.paused
    return VariantState(*named, kept, plans, paused, arm.world.get_window_end(person))


def _find_changed_keys(state: State, arm: str) -> set[tuple[str, str]]:
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
