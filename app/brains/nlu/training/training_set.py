"""Training set of a brain: intents with their examples, the encoder asked for, and the digest that names it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from app.brains.nlu.normalise import VERSION, build_key
from app.immutable import immutable

# Part of every digest: a model of another way of training is another model.
ALGORITHM: Final = 1
_BACKGROUND: Final = Path(__file__).with_name("background.txt")


@immutable
class TrainingSet:
    """Examples by intent, messages that mean none of them, and the encoder to use (empty: none).

    `seed` decides folds and misspelt copies: equal sets give equal models.
    """

    examples: Mapping[str, Sequence[str]]
    encoder: str = ""
    negatives: Sequence[str] = ()
    seed: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(data["examples"], data["encoder"], data["negatives"], data["seed"])

    def to_json(self) -> dict[str, Any]:
        """Return the set as JSON data, intents and examples in the order of their texts."""
        return {
            "examples": {name: sorted(set(self.examples[name])) for name in sorted(self.examples)},
            "encoder": self.encoder,
            "negatives": sorted(set(self.negatives)),
            "seed": self.seed,
        }

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all a model depends on but the encoder's own digest."""
        known = [ALGORITHM, VERSION, list_background(), self.to_json()]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode("utf-8", "replace")).hexdigest()

    def list_rows(self) -> list[tuple[str, str]]:
        """Return all examples with their intents, each wording once an intent."""
        rows: list[tuple[str, str]] = []
        for name, texts in self.to_json()["examples"].items():
            keyed = {build_key(text) or text: text for text in reversed(texts)}
            rows += [(text, name) for text in sorted(keyed.values())]
        return rows


@cache
def list_background() -> tuple[str, ...]:
    """Return messages in many languages that no brain's intents mean: small talk, general questions, other trades."""
    lines = _BACKGROUND.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
