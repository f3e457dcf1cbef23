"""Turn: the input of one run (message, sender, chat, variables), as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from app.immutable import immutable


@immutable
class Sender:
    """Sender of a message; `id` is the person's stable name on this connection."""

    id: str
    name: str = ""
    phone: str | None = None


@immutable
class Understanding:
    """What a brain's intents make of a message, as it is recorded with the run.

    `candidates` are intents with confidences (0 to 1), the likeliest first; the first one is meant from `threshold` on.
    `by` says what decided: example (it stands among them) | words | encoder | confirmed (by a press) |
    untrained | nothing. `model` is the
    SHA-256 (hex) of the model that was asked; `entities` are those of the likeliest intent.
    """

    candidates: tuple[tuple[str, float], ...] = ()
    threshold: float = 1.0
    by: str = "nothing"
    model: str = ""
    language: str = ""
    entities: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intent(self) -> str:
        """The likeliest intent, sure enough or not; empty for none."""
        return self.candidates[0][0] if self.candidates else ""

    @property
    def confidence(self) -> float:
        """How sure it is, 0 to 1."""
        return self.candidates[0][1] if self.candidates else 0.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Understanding":
        """Read what `to_json` wrote."""
        candidates = tuple((str(name), float(sure)) for name, sure in data.get("candidates", ()))
        return cls(
            candidates,
            float(data.get("threshold", 1.0)),
            str(data.get("by", "nothing")),
            str(data.get("model", "")),
            str(data.get("language", "")),
            dict(data.get("entities", {})),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "candidates": [list(each) for each in self.candidates],
            "threshold": self.threshold,
            "by": self.by,
            "model": self.model,
            "language": self.language,
            "entities": dict(self.entities),
        }

    def to_trace(self) -> dict[str, Any]:
        """Return what a trace shows of it: nothing that the message says."""
        return {name: value for name, value in self.to_json().items() if name != "entities"}


@immutable
class Turn:
    """Input of a run; `at` and `now` are milliseconds since 1970.

    `seed` decides all chance; `cooldowns` says until when (ms) a command rests, by command id and scope; `memory`
    holds what is remembered, by scope (contact, chat, brain) and key. With `command_id` that command runs whatever
    the triggers say: with `arguments` when they are given, else with what the text holds. `understanding` is what was
    recorded of it; None = it is to be found out where a trigger asks.
    """

    message_id: int
    kind: str
    text: str
    sender: Sender
    chat_id: int
    at: int
    now: int
    seed: int
    contact_id: int | None = None
    choice_id: str | None = None
    choice_title: str | None = None
    is_group: bool = False
    cooldowns: Mapping[tuple[str, str], int] = field(default_factory=dict)
    command_id: str | None = None
    arguments: Mapping[str, Any] | None = None
    memory: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    provider_id: str = ""
    quoted: Mapping[str, Any] | None = None  # id, text
    media: Mapping[str, Any] | None = None  # kind, mime, caption
    # What its kind has besides (app.channels.content.received); None: nothing.
    data: Mapping[str, Any] | None = None
    past: Sequence[
        tuple[str, str]
    ] = ()  # role (user, assistant) and words of what was said before, oldest first
    understanding: Understanding | None = None
    # The open question of the chat (app.brains.did_you_mean); with `answer`, the one this message has answered: by the
    # intent that is meant, empty = none of those offered.
    question: Any = None
    answer: str | None = None
