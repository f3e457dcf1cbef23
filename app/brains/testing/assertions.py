"""Comparison of an answer with a test's expectation, and the text of the difference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.brains.document.diff import GONE, NEW, Segment, compare_texts
from app.brains.document.test_cases import Act, Expectation, Step
from app.brains.effects import model
from app.brains.text import fold
from app.immutable import immutable

NOTHING: Final = "nothing"
_CHANGES: Final = 4  # named in words; the pieces show them all
_SHORT: Final = 60


@immutable
class BotAnswer:
    """Answer of the bot: text, and buttons or rows as (id, title); `kind`: button | list; `to`: who gets it."""

    id: str
    text: str
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "button"
    to: str = ""


@immutable
class StepResult:
    """Result of one step: whether it passed, what was expected and what came.

    `pieces` is the difference of an exact text; `trace` is that of the last run a step caused, `effects` are what all
    its runs decided, `at` is when (ms) the last did; `note` is no failure.
    """

    number: int
    kind: str
    step: str
    ok: bool = True
    expected: str = ""
    came: str = ""
    why: str = ""
    pieces: tuple[Segment, ...] = ()
    note: str = ""
    trace: Mapping[str, Any] | None = None
    effects: tuple[model.Effect, ...] = ()
    at: int = 0


def list_answers(decided: Sequence[model.Effect], stem: str, to: str = "") -> Iterator[BotAnswer]:
    """Yield the visible answers of effects: a file as its caption or link, a reaction as its emoji."""
    for number, effect in enumerate(decided):
        name = f"{stem}.{number}"
        if isinstance(effect, model.Reply):
            rows = [row for part in effect.menu.sections for row in part.rows] if effect.menu else []
            choices = tuple((each.id, each.title) for each in (*effect.buttons, *rows))
            yield BotAnswer(name, effect.text, choices, "list" if effect.menu else "button", to)
        elif isinstance(effect, model.Media):
            yield BotAnswer(name, effect.caption or effect.link, to=to)
        elif isinstance(effect, model.React) and effect.emoji:
            yield BotAnswer(name, effect.emoji, to=to)


def describe_step(step: Step) -> tuple[str, str]:
    """Return the kind and the text of a step."""
    if step.wait is not None:
        return "wait", f"{step.wait} pass"
    if step.silent:
        return "silent", "No reply"
    if step.bot is not None:
        return "bot", describe_expected(step.bot)
    who = f"{step.as_}: " if step.as_ else ""
    return "user", who + (step.user if isinstance(step.user, str) else _describe_act(step.user or Act()))


def describe_expected(expected: str | Expectation) -> str:
    """Return the text of an expectation."""
    if isinstance(expected, str):
        return expected
    offers = f", with buttons {', '.join(expected.choices)}" if expected.choices is not None else ""
    offers += f", to {expected.to}" if expected.to else ""
    if expected.any:
        return f"Any reply{offers}"
    if expected.contains is not None:
        return f"Reply contains “{expected.contains}”{offers}"
    if expected.regex is not None:
        return f"Reply matches regex {expected.regex}{offers}"
    return f"{expected.exact}{offers}"


def compare(expected: str | Expectation, answer: BotAnswer) -> tuple[str, tuple[Segment, ...]] | None:
    """Return the difference as a text, with the pieces of an exact text; None when the answer is as expected."""
    wanted = Expectation(exact=expected) if isinstance(expected, str) else expected
    if wanted.exact is not None and _normalise(wanted.exact) != _normalise(answer.text):
        pieces = tuple(compare_texts(_normalise(wanted.exact), _normalise(answer.text)))
        return _describe_difference(pieces), pieces
    if wanted.contains is not None and _normalise(wanted.contains) not in _normalise(answer.text):
        return f"“{wanted.contains}” is not in the answer.", ()
    if wanted.regex is not None and not wanted.pattern.search(answer.text):
        return "The reply does not match the regex.", ()
    if wanted.to is not None and fold(wanted.to) != fold(answer.to):
        return f"It went to {answer.to or 'the group'} instead of {wanted.to}.", ()
    offered = tuple(title for _, title in answer.choices)
    if wanted.choices is not None and wanted.choices != offered:
        return (
            f"It offers {', '.join(offered) or NOTHING} instead of {', '.join(wanted.choices) or NOTHING}.",
            (),
        )
    return None


def _normalise(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _describe_difference(pieces: Sequence[Segment]) -> str:
    """Return what was replaced, is missing or is new, as a text."""
    parts: list[str] = []
    for place, piece in enumerate(pieces):
        before = pieces[place - 1].kind if place else ""
        after = pieces[place + 1].kind if place + 1 < len(pieces) else ""
        if piece.kind == GONE and after == NEW:
            parts.append(f"“{_shorten(pieces[place + 1].text)}” came instead of “{_shorten(piece.text)}”")
        elif piece.kind == GONE:
            parts.append(f"“{_shorten(piece.text)}” is missing")
        elif piece.kind == NEW and before != GONE:
            parts.append(f"“{_shorten(piece.text)}” is new")
    more = f"; and {len(parts) - _CHANGES} more" if len(parts) > _CHANGES else ""
    return "; ".join(parts[:_CHANGES]) + more + "."


def _shorten(text: str) -> str:
    text = text if text.isspace() else text.strip()
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _describe_act(act: Act) -> str:
    words, value = _ACTS[act.kind], getattr(act, act.kind)
    if act.kind == "burst":
        return f"{words}: {' / '.join(value)}"
    if act.kind in {"button", "list", "quote"}:
        return f"{words} “{value}”"
    shown = ", ".join(f"{name}: {each}" for name, each in value.items()) if act.kind == "form" else value
    return f"{words}: {_shorten(str(shown))}" if shown and shown is not True else words


_ACTS: Final[Mapping[str, str]] = {
    "button": "presses",
    "list": "chooses",
    "image": "sends a picture",
    "voice": "sends a voice note",
    "location": "sends a location",
    "document": "sends a document",
    "contact": "sends a contact card",
    "order": "sends an order",
    "form": "sends a form",
    "quote": "quotes the last answer and writes",
    "burst": "writes in quick succession",
}
