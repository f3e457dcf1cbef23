"""Reader of messages for one brain: its own examples first, then its model; entities and language besides."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from app.brains.nlu.dates import Moment
from app.brains.nlu.entities import DATE_KINDS, EntityRule, find_entities
from app.brains.nlu.language import detect_language
from app.brains.nlu.models import LoadedModel
from app.brains.nlu.normalise import build_key
from app.brains.turn import Understanding
from app.immutable import immutable, replace_fields
from app.signals import DomainError

_UTC: Final = ZoneInfo("UTC")
_FEW: Final = 3  # examples of a language that dates are read in

log = logging.getLogger(__name__)

# Returns the model of a brain; None where there is none. Raises ValueError or DomainError where it cannot be had.
FindModel = Callable[[], LoadedModel | None]


@immutable
class ReadIntent:
    """Intent as a reader needs it: name, examples and entities."""

    name: str
    examples: Sequence[str]
    entities: Sequence[EntityRule] = ()


class Reader:
    """Reads messages; `find_model` is called when the first message comes that is not word for word an example.

    Dates are those of `zone`, in `language` and the languages of the examples.
    """

    def __init__(
        self,
        intents: Sequence[ReadIntent],
        find_model: FindModel = lambda: None,
        zone: ZoneInfo = _UTC,
        language: str = "en",
    ) -> None:
        self._intents = {each.name: each for each in intents}
        self._find_model = find_model
        self._zone = zone
        self._language = language
        # Its own: functools.cached_property has one lock for all readers, and finding a model may take a training.
        self._lock = threading.Lock()
        self._languages: tuple[str, ...] = ()
        self._known: Mapping[str, str] | None = None
        self._found: list[LoadedModel | None] = []

    def read(self, text: str, at: int) -> Understanding:
        """Return what a message of a moment (ms) means: an example's own intent, else what the model says."""
        language = detect_language(text)
        key = build_key(text)
        if not key or not self._intents:
            return Understanding(language=language)
        known = self._get_known().get(key)
        if known is not None:
            found = Understanding(((known, 1.0),), 0.5, "example", language=language)
            return self._complete(found, text, at)
        loaded = self._get_model()
        if loaded is None:
            return Understanding(by="untrained", language=language)
        guess = loaded.model.guess(text, loaded.encode)
        ranked = tuple(each for each in guess.ranked if each[0] in self._intents)
        found = Understanding(ranked, guess.threshold, guess.by, loaded.digest, language)
        return self._complete(found, text, at)

    def confirm(self, intent: str, text: str, at: int) -> Understanding:
        """Return what a message of a moment (ms) means whose sender has said which intent is meant."""
        found = Understanding(((intent, 1.0),), 0.5, "confirmed", language=detect_language(text))
        return self._complete(found, text, at)

    def _complete(self, found: Understanding, text: str, at: int) -> Understanding:
        intent = self._intents.get(found.intent)
        if intent and intent.entities:
            return replace_fields(
                found,
                entities=find_entities(text, intent.entities, self._build_moment(found.language, intent, at)),
            )
        return found

    def _build_moment(self, language: str, intent: ReadIntent, at: int) -> Moment:
        """Return the moment that days are counted from; the languages are found out only where days are looked for."""
        if not any(rule.kind in DATE_KINDS for rule in intent.entities):
            return Moment(at, self._zone)
        if not self._languages:
            said = Counter(detect_language(text) for each in self._intents.values() for text in each.examples)
            named = [self._language, *(name for name, count in said.most_common() if count >= _FEW)]
            self._languages = tuple(dict.fromkeys(each.partition("-")[0] for each in named if each))
        own = [each for each in (language.partition("-")[0],) if each in self._languages]
        return Moment(at, self._zone, tuple(dict.fromkeys([*own, *self._languages])))

    def _get_known(self) -> Mapping[str, str]:
        if self._known is None:
            self._known = self._build_known()
        return self._known

    def _build_known(self) -> Mapping[str, str]:
        """Return intents by the words of their examples; words that stand in two mean neither."""
        found: dict[str, str | None] = {}
        for intent in self._intents.values():
            for example in intent.examples:
                key = build_key(example)
                found[key] = intent.name if found.get(key, intent.name) == intent.name else None
        return {key: name for key, name in found.items() if key and name}

    def _get_model(self) -> LoadedModel | None:
        """Return the model, found once; whoever comes meanwhile waits for this reader's, and for no other one's."""
        with self._lock:
            if not self._found:
                self._found.append(self._load())
            return self._found[0]

    def _load(self) -> LoadedModel | None:
        try:
            return self._find_model()
        except (ValueError, DomainError) as error:
            log.error("the trained model cannot be used: %s", error)  # noqa: TRY400  it says it all
            return None
