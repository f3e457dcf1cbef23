"""Holds an answer against what a test expects, and says in words what differs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.brains import effects
from app.brains.cases import Act, Expect, Step
from app.brains.diff import GONE, NEW, Piece, words

NOTHING: Final = "nothing"
_CHANGES: Final = 4  # named in words; the pieces show them all
_SHORT: Final = 60


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of the bot: its words, and what can be pressed or chosen as (id, title); `kind`: button | list."""

    id: str
    text: str
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "button"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step: in words, whether it held, and what was expected and what came.

    `pieces` is the difference of an exact text; `trace` is that of the run a step caused; `note` is no failure.
    """

    number: int
    kind: str
    step: str
    ok: bool = True
    expected: str = ""
    came: str = ""
    why: str = ""
    pieces: tuple[Piece, ...] = ()
    note: str = ""
    trace: Mapping[str, Any] | None = None


def said_of(decided: Sequence[effects.Effect], stem: str) -> Iterator[Said]:
    """Give what a person sees of effects: a file is its caption or its link, a reaction its emoji."""
    for number, effect in enumerate(decided):
        name = f"{stem}.{number}"
        if isinstance(effect, effects.Reply):
            rows = [row for part in effect.menu.sections for row in part.rows] if effect.menu else []
            choices = tuple((each.id, each.title) for each in (*effect.buttons, *rows))
            yield Said(name, effect.text, choices, "list" if effect.menu else "button")
        elif isinstance(effect, effects.Media):
            yield Said(name, effect.caption or effect.link)
        elif isinstance(effect, effects.React) and effect.emoji:
            yield Said(name, effect.emoji)


def step_words(step: Step) -> tuple[str, str]:
    """Return the kind of a step and what it says in words."""
    if step.wait is not None:
        return "wait", f"{step.wait} pass"
    if step.silent:
        return "silent", "The bot says nothing"
    if step.bot is not None:
        return "bot", expected_words(step.bot)
    who = f"{step.as_}: " if step.as_ else ""
    return "user", who + (step.user if isinstance(step.user, str) else _act_words(step.user or Act()))


def expected_words(expected: str | Expect) -> str:
    """Say what an answer must be."""
    if isinstance(expected, str):
        return expected
    offers = f", offering {', '.join(expected.choices)}" if expected.choices is not None else ""
    if expected.any:
        return f"Any answer{offers}"
    if expected.contains is not None:
        return f"An answer with “{expected.contains}” in it{offers}"
    if expected.regex is not None:
        return f"An answer that fits {expected.regex}{offers}"
    return f"{expected.exact}{offers}"


def compare(expected: str | Expect, said: Said) -> tuple[str, tuple[Piece, ...]] | None:
    """Return what is different in words, with the pieces of an exact text; None when the answer is as expected."""
    wanted = Expect(exact=expected) if isinstance(expected, str) else expected
    if wanted.exact is not None and _plain(wanted.exact) != _plain(said.text):
        pieces = tuple(words(_plain(wanted.exact), _plain(said.text)))
        return _told(pieces), pieces
    if wanted.contains is not None and _plain(wanted.contains) not in _plain(said.text):
        return f"“{wanted.contains}” is not in the answer.", ()
    if wanted.regex is not None and not wanted.pattern.search(said.text):
        return "The answer does not fit the pattern.", ()
    offered = tuple(title for _, title in said.choices)
    if wanted.choices is not None and wanted.choices != offered:
        return (
            f"It offers {', '.join(offered) or NOTHING} instead of {', '.join(wanted.choices) or NOTHING}.",
            (),
        )
    return None


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _told(pieces: Sequence[Piece]) -> str:
    """Say in words what was replaced, is missing or is new."""
    told: list[str] = []
    for place, piece in enumerate(pieces):
        before = pieces[place - 1].kind if place else ""
        after = pieces[place + 1].kind if place + 1 < len(pieces) else ""
        if piece.kind == GONE and after == NEW:
            told.append(f"“{_short(pieces[place + 1].text)}” came instead of “{_short(piece.text)}”")
        elif piece.kind == GONE:
            told.append(f"“{_short(piece.text)}” is missing")
        elif piece.kind == NEW and before != GONE:
            told.append(f"“{_short(piece.text)}” is new")
    more = f"; and {len(told) - _CHANGES} more" if len(told) > _CHANGES else ""
    return "; ".join(told[:_CHANGES]) + more + "."


def _short(text: str) -> str:
    text = text if text.isspace() else text.strip()
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _act_words(act: Act) -> str:
    if act.button is not None:
        return f"presses “{act.button}”"
    if act.list is not None:
        return f"chooses “{act.list}”"
    if act.image is not None:
        return f"sends a picture{f': {act.image}' if act.image else ''}"
    if act.voice:
        return "sends a voice note"
    return f"sends a place{f': {act.location}' if act.location else ''}"
