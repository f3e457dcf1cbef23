"""“Did you mean”: the question about a message whose meaning is not sure, its buttons, and the press that answers it.

The question is kept with the variables of its chat for ten minutes; a press counts once, and only for what was offered.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from app.brains import limits
from app.brains.document.intents import DidYouMean, QuestionTexts
from app.brains.effects.model import Button, Forget, Remember, Reply
from app.brains.memory.overlay import QUESTION_KEY
from app.brains.turn import Turn, Understanding
from app.immutable import immutable, replace_fields
from app.unicode import fold

SECONDS: Final = 600  # in which a press counts
OFFERED: Final = limits.BUTTONS - 1  # the last button says that none is meant
# Shares of the model's threshold from which an intent is offered: the likeliest one, and one behind it
# (docs/intents.md says why).
LEAST_LIKELIEST: Final = 0.4
LEAST_NEXT: Final = 0.3

_SCOPE: Final = "chat"
_PREFIX: Final = "did-you-mean"
_LONGEST_TEXT: Final = limits.REPLY_CHARS  # of a message that is asked about
_MODELS: Final = frozenset({"words", "encoder"})  # of Understanding.by


@immutable
class Question:
    """Question that waits for an answer: `id` is in its buttons, `text` and `at` (ms) are those of the message."""

    id: str
    text: str
    at: int
    language: str
    intents: tuple[str, ...]

    @classmethod
    def from_json(cls, data: Any) -> Self | None:
        """Read what `to_json` wrote; None for anything else, which only a script can have put there."""
        if not isinstance(data, Mapping):
            return None
        intents = data.get("intents")
        texts = [data.get(name) for name in ("id", "text", "language")]
        is_fine = all(isinstance(each, str) for each in texts) and isinstance(data.get("at"), int)
        if not is_fine or not isinstance(intents, list) or not all(isinstance(each, str) for each in intents):
            return None
        return cls(data["id"], data["text"], data["at"], data["language"], tuple(intents))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "id": self.id,
            "text": self.text,
            "at": self.at,
            "language": self.language,
            "intents": list(self.intents),
        }


@immutable
class Press:
    """Press of one of the question's buttons: the question's id and language, the intent; empty = none of these."""

    question_id: str
    language: str
    intent: str


def is_asked_about(turn: Turn, understood: Understanding | None) -> bool:
    """Tell whether a message may be asked about: a text in a direct chat that a model was asked about and not sure of.

    In a group nobody is asked: most of what is said there is meant for others.
    """
    return (
        understood is not None
        and understood.by in _MODELS
        and turn.kind == "text"
        and not turn.is_group
        and turn.command_id is None
        and len(turn.text) <= _LONGEST_TEXT
        and understood.confidence >= LEAST_LIKELIEST * understood.threshold
    )


def list_likely(understood: Understanding) -> list[str]:
    """Return the intents likely enough to be offered, the likeliest first."""
    first, *rest = understood.candidates
    least = LEAST_NEXT * understood.threshold
    return [first[0], *(name for name, confidence in rest if confidence >= least)]


def build_question(turn: Turn, language: str, intents: Sequence[str]) -> Question:
    """Return the question about a message; its id is drawn from the run's seed."""
    return Question(f"{turn.seed:x}", turn.text, turn.at, language, tuple(intents))


def build_question_effects(
    wanted: DidYouMean, question: Question, titles: Sequence[str]
) -> tuple[Reply, Remember]:
    """Return what asks a question and keeps it; `titles` are those of its intents where the brain gives none."""
    texts = wanted.get_texts(question.language)
    shown = [texts.titles.get(intent, title) for intent, title in zip(question.intents, titles, strict=True)]
    named = _make_different([*map(cut_title, shown), texts.none])
    buttons = tuple(
        Button(_build_button_id(question, intent), title)
        for intent, title in zip((*question.intents, ""), named, strict=True)
    )
    kept = Remember(_SCOPE, QUESTION_KEY, question.to_json(), SECONDS)
    return Reply(texts.question, buttons), kept


def forget_question() -> Forget:
    """Return the effect by which a question counts as answered."""
    return Forget(_SCOPE, QUESTION_KEY)


def take_out_question(turn: Turn) -> Turn:
    """Return the turn with its chat's open question as `question`, and no longer among the variables."""
    kept = turn.memory.get(_SCOPE, {})
    if QUESTION_KEY not in kept:
        return turn
    rest = {key: value for key, value in kept.items() if key != QUESTION_KEY}
    return replace_fields(turn, memory={**turn.memory, _SCOPE: rest}, question=kept[QUESTION_KEY])


def read_press(turn: Turn) -> Press | None:
    """Return the press of a question's button; None for any other message."""
    parts = (turn.choice_id or "").split(":")
    if turn.kind != "button" or len(parts) != 4 or parts[0] != _PREFIX:
        return None
    return Press(*parts[1:])


def find_question(turn: Turn, press: Press) -> Question | None:
    """Return the open question that a press answers; None for one that is over, or never offered this intent."""
    question = Question.from_json(turn.question)
    if question is None or question.id != press.question_id:
        return None
    return question if press.intent in ("", *question.intents) else None


def restore_message(turn: Turn, question: Question, intent: str) -> Turn:
    """Return the turn of the message a question was about, as its answer found it."""
    return replace_fields(
        turn,
        kind="text",
        text=question.text,
        at=question.at,
        choice_id=None,
        choice_title=None,
        quoted=None,
        data=None,
        question=question.to_json(),
        answer=intent,
    )


def get_press_texts(wanted: DidYouMean, press: Press) -> QuestionTexts:
    """Return the texts in the language of the question that was pressed."""
    return wanted.get_texts(press.language)


def cut_title(title: str) -> str:
    """Return a title as a button shows it: at most 20 characters, cut at the end of a word where that keeps half."""
    plain = " ".join(title.split())
    if len(plain) <= limits.BUTTON_CHARS:
        return plain
    cut = plain[: limits.BUTTON_CHARS - 1]
    if not plain[len(cut)].isspace():
        end = cut.rfind(" ")
        cut = cut[:end] if end >= limits.BUTTON_CHARS // 2 else cut
    return cut.rstrip(" ,;:-–&") + "…"


def _make_different(titles: Sequence[str]) -> list[str]:
    """Number titles that are the same, which WhatsApp refuses."""
    found: list[str] = []
    for title in titles:
        number, shown = 1, title
        while fold(shown) in map(fold, found):
            number += 1
            ending = f" {number}"
            shown = title[: limits.BUTTON_CHARS - len(ending)].rstrip() + ending
        found.append(shown)
    return found


def _build_button_id(question: Question, intent: str) -> str:
    return f"{_PREFIX}:{question.id}:{question.language}:{intent}"
