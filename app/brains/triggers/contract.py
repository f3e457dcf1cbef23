"""Contract of a trigger kind: traits, settings, matching, explanation, samples."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.brains import limits
from app.brains.turn import Sender, Turn, Understanding
from app.immutable import immutable
from app.text import to_storable
from app.unicode import FoldedText, FoldOptions, fold

TriggerText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.TRIGGER_CHARS)
]
TriggerTexts = Annotated[tuple[TriggerText, ...], Field(min_length=1, max_length=limits.TRIGGER_TEXTS)]


class TriggerConfig(BaseModel):
    """Parent of every trigger's settings; `kind` tells them apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Any  # each kind narrows it to its own name


class TextTriggerConfig(TriggerConfig):
    """Parent of the settings of triggers that compare texts."""

    texts: TriggerTexts = Field(title="Keywords")
    ignore_case: bool = Field(default=True, title="Ignore case")
    ignore_accents: bool = Field(default=False, title="Ignore accents")

    @cached_property
    def fold_options(self) -> FoldOptions:
        """What makes no difference to this trigger."""
        return FoldOptions(self.ignore_case, self.ignore_accents)

    @cached_property
    def folded_texts(self) -> tuple[tuple[str, str], ...]:
        """The texts that have something to compare: as written, and folded."""
        pairs = ((text, fold(text, self.fold_options).strip()) for text in self.texts)
        return tuple((text, folded) for text, folded in pairs if folded)


@immutable
class Match:
    """Match of a trigger: the text left for arguments, and the groups of a pattern."""

    rest: str = ""
    text: str = ""
    groups: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)


# Returns what a brain's intents make of a text that was written at a moment (ms).
ReadText = Callable[[str, int], Understanding]


@immutable
class MatchInput:
    """Turn prepared for many triggers: its text trimmed, its command word split off.

    `word` is folded, None when no prefix was used; `rest` is the text behind it as it was written. `read` finds out
    what the brain's intents make of a text that was written at a moment (ms).
    """

    turn: Turn
    text: str
    word: str | None = None
    rest: str = ""
    _folds: dict[FoldOptions, FoldedText] = field(default_factory=dict, compare=False, repr=False)
    read: ReadText | None = field(default=None, compare=False, repr=False)
    _understood: list[Understanding] = field(default_factory=list, compare=False, repr=False)

    @property
    def understood(self) -> Understanding | None:
        """What the intents make of the message, if it was recorded or has been asked for; else None."""
        return self.turn.understanding or next(iter(self._understood), None)

    def understand(self) -> Understanding | None:
        """Return what the brain's intents make of the message, found out once; None where there is nobody to ask."""
        if self.understood is None and self.read is not None:
            self._understood.append(self.read(self.text, self.turn.at))
        return self.understood

    def fold(self, options: FoldOptions) -> FoldedText:
        """Return the text as a trigger compares it; made once for all triggers that compare it so."""
        found = self._folds.get(options)
        if found is None:
            found = self._folds[options] = FoldedText(self.text, options)
        return found


@immutable
class Traits:
    """Traits of a kind of trigger.

    `order` is its place in the editor's list, the lowest first; `field` names the setting that holds its texts or its
    pattern. `uses_prefix`: its texts follow one of the brain's prefixes. `is_whole_text`: one of its texts is all that
    a person sends. `is_last`: its commands are asked after all others. `is_internal`: no message fires its commands,
    only `ctx.call` and `ctx.schedule` run them. `needs`: a section of the brain without which it has nothing to match.
    """

    order: int
    field: str = ""
    takes_arguments: bool = False
    uses_prefix: bool = False
    is_whole_text: bool = False
    is_last: bool = False
    is_internal: bool = False
    needs: str = ""


@immutable
class Sample:
    """Sample of a trigger: `text` as in its settings, and turns that should match it.

    `field` is where the text stands, such as words.2; empty where there is no such place.
    """

    text: str
    field: str
    turns: tuple[Turn, ...]


class TriggerKind(Protocol):
    """Interface of a module of this folder.

    `sample_settings` are valid settings besides `kind`, for tests. The editor draws the fields of Config with their
    titles and descriptions: bool as a checkbox, int and float as a number, a tuple as lines, anything else as a text.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    traits: ClassVar[Traits]
    sample_settings: ClassVar[Mapping[str, Any]]
    Config: ClassVar[type[TriggerConfig]]

    def match(self, config: Any, match_input: MatchInput) -> Match | None:
        """Return the match of a message, None for no match; takes time linear in the text."""
        ...

    def explain(self, config: Any) -> str:
        """Return what the trigger matches, as a text."""
        ...

    def sample(self, config: Any, prefix: str) -> str:
        """Return an example message without arguments; empty when none is known."""
        ...

    def list_samples(self, config: Any, prefixes: Sequence[str]) -> list[Sample]:
        """Return samples, one for each text of the settings."""
        ...


FILLER: Final = "xqz"
_COMMAND_WORD: Final = re.compile(r"\s*(\S*)")
_SENDER: Final = Sender("someone", "Someone", "1")


def build_text_turn(text: str) -> Turn:
    """Return a text message in a direct chat."""
    return Turn(0, "text", text, _SENDER, chat_id=0, at=0, now=0, seed=0)


def build_button_turn(title: str) -> Turn:
    """Return the turn of a pressed button, whose text is its title."""
    return Turn(
        0, "button", title, _SENDER, chat_id=0, at=0, now=0, seed=0, choice_id=title, choice_title=title
    )


def build_understood_turn(intent: str) -> Turn:
    """Return the turn of a message that surely means an intent and says nothing that another trigger looks for."""
    understanding = Understanding(((intent, 1.0),), 0.5, "example")
    return Turn(0, "text", FILLER, _SENDER, chat_id=0, at=0, now=0, seed=0, understanding=understanding)


def embed_text(text: str) -> Iterator[str]:
    """Yield a text alone, at the beginning, at the end and in the middle of a longer one."""
    yield from (text, f"{text} {FILLER}", f"{FILLER} {text}", f"{FILLER} {text} {FILLER}")


def build_match_input(turn: Turn, prefixes: Sequence[str], read: ReadText | None = None) -> MatchInput:
    """Prepare a turn for matching; the longest matching prefix marks a command. `read` understands texts."""
    text = to_storable(turn.text).strip()
    folded = FoldedText(text)
    start = len(folded.text) - len(folded.text.lstrip())
    # A prefix of nothing but invisible signs is none; an empty one is meant.
    wanted = [folded_prefix for each in prefixes if (folded_prefix := fold(each)) or not each]
    ends = [start + len(each) for each in wanted if folded.text.startswith(each, start)]
    ends = [end for end in ends if folded.get_boundary(end) is not None]
    folds = {folded.options: folded}
    if not ends:
        return MatchInput(turn, text, _folds=folds, read=read)
    word = _COMMAND_WORD.match(folded.text, max(ends))
    rest = text[folded.find_end(word.end(1)) :].lstrip() if word else ""
    return MatchInput(turn, text, word[1] if word else "", rest, folds, read)


def quote(texts: Sequence[str]) -> str:
    """Join texts for an explanation: “a”, “b” or “c”."""
    shown = [f"“{text[:60]}”" for text in texts[:5]]
    more = f" or {len(texts) - 5} more" if len(texts) > 5 else ""
    return (" or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]) + more
