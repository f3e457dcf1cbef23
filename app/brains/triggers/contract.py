"""What every kind of trigger gives and takes."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.brains import limits
from app.brains.turn import Turn
from app.db import storable

TriggerText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.TRIGGER_CHARS)
]
TriggerTexts = Annotated[tuple[TriggerText, ...], Field(min_length=1, max_length=limits.TRIGGER_TEXTS)]


class TriggerConfig(BaseModel):
    """Parent of every trigger's settings; `kind` tells them apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Any  # each kind narrows it to its own name


@dataclass(frozen=True, slots=True)
class Match:
    """A trigger fired: the text left for arguments, and what a pattern captured."""

    rest: str = ""
    text: str = ""
    groups: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn made ready for many triggers: its text trimmed and folded, its command word split off."""

    turn: Turn
    text: str
    folded: str
    word: str | None = None  # folded; None when no prefix was used
    rest: str = ""


class TriggerKind(Protocol):
    """One module of this folder."""

    kind: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[TriggerConfig]]

    def match(self, config: Any, heard: Heard) -> Match | None:
        """Tell whether the trigger fires; takes time linear in the text."""
        ...

    def explain(self, config: Any) -> str:
        """Say in words what the trigger waits for."""
        ...

    def opening(self, config: Any, prefix: str) -> str | None:
        """Return what a person types before the arguments; None when this kind takes none."""
        ...


def fold(text: str) -> str:
    """Return the text in the form in which capitals and ways of typing an accent make no difference."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def hear(turn: Turn, prefixes: Sequence[str]) -> Heard:
    """Prepare a turn for matching; the longest fitting prefix marks a command."""
    text = storable(turn.text).strip()
    folded = fold(text)
    fitting = [prefix for prefix in prefixes if text.startswith(prefix)]
    if not fitting:
        return Heard(turn, text, folded)
    word, *rest = text[len(max(fitting, key=len)) :].split(None, 1) or ("",)
    return Heard(turn, text, folded, fold(word), rest[0] if rest else "")


def quoted(texts: Sequence[str]) -> str:
    """Write texts for an explanation: “a”, “b” or “c”."""
    shown = [f"“{text[:60]}”" for text in texts[:5]]
    more = f" or {len(texts) - 5} more" if len(texts) > 5 else ""
    return (" or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]) + more
