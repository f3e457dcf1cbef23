"""Contract of sinks: settings, opening, sending a batch, errors by what has to be done about them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict

from app.http_client.addresses import Resolver, look_up
from app.immutable import immutable
from app.logs.event import LogEvent

# A batch has at most so many events, and so many bytes of text and data but for one event alone.
MAX_BATCH_EVENTS: Final = 200
MAX_BATCH_BYTES: Final = 1024 * 1024
# The header that tells whose events a request brings: an installation takes none of its own.
ORIGIN_HEADER: Final = "X-Brainbox-Installation"
# Seconds a sink has to take a batch.
SEND_S: Final = 20.0


class SinkError(Exception):
    """A batch that was not taken, or of which nobody knows: it is sent again later; the text says why, in plain words.

    `retry_after_s`: seconds the sink asked for.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedBatchError(SinkError):
    """A batch that would be refused again as it is: it is sent in parts, and an event refused alone is left out."""


class SinkConfig(BaseModel):
    """Parent of a kind's settings; the form draws its fields by their titles and descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


@immutable
class SinkContext:
    """What sinks of this installation work with; `allow_private`: any address, and without TLS."""

    installation_id: str
    data: Path
    allow_private: bool = False
    resolve: Resolver = look_up
    host_name: str = "brainbox"


class OpenSink(Protocol):
    """A sink that is being sent to, by one thread."""

    def send(self, events: Sequence[LogEvent]) -> int:
        """Hand over a batch in its order, and return when the sink has it; raises SinkError, RefusedBatchError.

        Returns how many events it refused for good while it took the others: mostly 0.
        """
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class SinkKind(Protocol):
    """Interface of a class in a module of app.logs.sinks; `secrets` names the fields of `Config` that are encrypted.

    `test_hint` is what a test of it waits for, if one may wonder.

    `sample_config` are valid settings, for tests; the contract tests point them at servers of their own.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    icon: ClassVar[str]
    test_hint: ClassVar[str]
    Config: ClassVar[type[SinkConfig]]
    secrets: ClassVar[frozenset[str]]
    sample_config: ClassVar[Mapping[str, Any]]

    @staticmethod
    def open(config: Any, context: SinkContext) -> OpenSink:
        """Return a sink with these settings; nothing is connected yet."""
        ...
