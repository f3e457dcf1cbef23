"""Intents of a document: what contacts may mean, with examples, and the entities their messages hold."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.brains import limits
from app.brains.nlu.entities import CHOICE, REGEX, EntityRule, UnreadablePattern, compile_pattern
from app.brains.nlu.message_reader import ReadIntent
from app.brains.nlu.training.training_set import TrainingSet
from app.brains.text import fold
from app.brains.triggers.intent import IntentName

Example = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.EXAMPLE_CHARS)
]
Wording = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
ButtonTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.BUTTON_CHARS)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
ENCODERS = ("use-multilingual", "none")


class _Part(BaseModel):
    """Parent of the parts: frozen, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EntityChoice(_Part):
    """One of the values an entity may have, and other words for it."""

    value: Wording
    words: Annotated[tuple[Wording, ...], Field(max_length=limits.ENTITY_CHOICES)] = ()


class Entity(_Part):
    """Value to look for in a message: a number, a phone number, one of some choices, what a pattern finds, a date."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    kind: Literal["number", "phone", "email", "money", "choice", "regex", "date", "time", "datetime"]
    choices: Annotated[tuple[EntityChoice, ...], Field(max_length=limits.ENTITY_CHOICES)] = ()
    pattern: Annotated[str, StringConstraints(max_length=limits.TRIGGER_CHARS)] = ""

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.kind == CHOICE) != bool(self.choices):
            raise ValueError(
                "an entity of the kind choice has choices, and no other one has; add or remove them"
            )
        if (self.kind == REGEX) != bool(self.pattern):
            raise ValueError(
                "an entity of the kind regex has a pattern, and no other one has; add or remove it"
            )
        if self.pattern:
            try:
                compile_pattern(self.pattern)
            except UnreadablePattern as error:
                raise ValueError(f"the pattern cannot be read: {error}") from error
        return self

    def to_rule(self) -> EntityRule:
        """Return it as the reader of messages wants it."""
        return EntityRule(
            self.name, self.kind, {each.value: each.words for each in self.choices}, self.pattern
        )


class Intent(_Part):
    """Something that contacts want, with examples of how they say it."""

    name: IntentName
    description: Annotated[str, StringConstraints(max_length=limits.DESCRIPTION_CHARS)] = ""
    examples: Annotated[tuple[Example, ...], Field(min_length=1, max_length=limits.INTENT_EXAMPLES)]
    entities: Annotated[tuple[Entity, ...], Field(max_length=limits.ENTITIES)] = ()

    @model_validator(mode="after")
    def _check_entities(self) -> Self:
        names = [entity.name for entity in self.entities]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two entities have the name “{twice}”; give each its own")
        return self


_Said = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.REPLY_CHARS_WITH_BUTTONS)
]
_Titles = Annotated[dict[IntentName, ButtonTitle], Field(max_length=limits.INTENTS)]


class QuestionTexts(_Part):
    """Texts of “did you mean”: the question, its last button, what is said when that or an old button is pressed.

    `titles` are the buttons of intents, where their commands' names will not do.
    """

    question: _Said = "Did you mean one of these?"
    none: ButtonTitle = "None of these"
    refused: _Said = "Please say it in other words."
    late: _Said = "That was a while ago. Please write it again."
    titles: _Titles = {}


class TranslatedTexts(_Part):
    """The same in another language; what is left out is said as in the brain's own."""

    question: _Said | None = None
    none: ButtonTitle | None = None
    refused: _Said | None = None
    late: _Said | None = None
    titles: _Titles = {}


class DidYouMean(QuestionTexts):
    """Question about a message that no command was sure of; `languages` has its texts by the message's language."""

    languages: Annotated[dict[Language, TranslatedTexts], Field(max_length=20)] = {}

    def get_texts(self, language: str) -> QuestionTexts:
        """Return the texts in a language, in the brain's own where it has none."""
        translated = self.languages.get(language)
        if translated is None:
            return self
        said = translated.model_dump(exclude_none=True, exclude={"titles"})
        own = self.model_dump(include=set(QuestionTexts.model_fields))
        return QuestionTexts(**{**own, **said, "titles": {**self.titles, **translated.titles}})


def check_intents(intents: Sequence[Intent]) -> None:
    """Raise ValueError when intents have more examples together than a training takes."""
    count = sum(len(intent.examples) for intent in intents)
    if count > limits.INTENT_EXAMPLES_TOTAL:
        raise ValueError(
            f"the intents have {count:,} examples together; {limits.INTENT_EXAMPLES_TOTAL:,} are allowed"
        )


def build_training_set(intents: Sequence[Intent], encoder: str, not_intents: Sequence[str]) -> TrainingSet:
    """Return what a model of these intents is trained on; `encoder` as in the settings of a brain.

    `not_intents` are messages that mean none of them.
    """
    wanted = "" if encoder == "none" else encoder
    examples = {intent.name: list(intent.examples) for intent in intents}
    return TrainingSet(examples, wanted, tuple(not_intents))


def build_read_intents(intents: Sequence[Intent]) -> list[ReadIntent]:
    """Return intents as the reader of messages wants them."""
    return [
        ReadIntent(each.name, each.examples, [entity.to_rule() for entity in each.entities])
        for each in intents
    ]


def find_conflicts(intents: Sequence[Intent]) -> list[tuple[int, int, str]]:
    """Return examples that say word for word what one of an earlier intent says: intent, example, that intent."""
    first: dict[str, str] = {}
    found = []
    for place, intent in enumerate(intents):
        for number, example in enumerate(intent.examples):
            owner = first.setdefault(_build_key(example), intent.name)
            if owner != intent.name:
                found.append((place, number, owner))
    return found


def find_shared_examples(examples: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """Return pairs of intents that say the same in an example, by the examples of each."""
    first: dict[str, str] = {}
    rows = [(name, text) for name, texts in examples.items() for text in texts]
    pairs = {(first.setdefault(_build_key(text), name), name) for name, text in rows}
    return {(owner, name) for owner, name in pairs if owner != name}


def _build_key(example: str) -> str:
    return " ".join(fold(example).split())
