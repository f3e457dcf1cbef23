"""Sinks in the main database: create, update, validation, encrypted settings; a test of one."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.change_notes import name_action
from app.immutable import immutable
from app.logs.event import LogEvent
from app.logs.ingest import PATH
from app.logs.models import LogSink
from app.logs.severity import CHOICES, INFO
from app.logs.sinks.contract import SinkConfig, SinkContext, SinkError, SinkKind
from app.logs.sinks.registry import load_kinds
from app.signals import DomainError
from app.vault import Vault

MAX_SINKS: Final = 10
_WORDS: Final = {
    "missing": "Fill this in.",
    "string_too_short": "Fill this in.",
    "string_too_long": "This is too long: at most {max_length} characters.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "greater_than_equal": "Write {ge} or more.",
    "less_than_equal": "Write {le} or less.",
    "extra_forbidden": "This kind of sink has no such setting.",
}


class InvalidSinkError(DomainError):
    """A sink that cannot be made or changed as asked; `fields` says where."""

    code = "log-sink"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class SinkNotFoundError(DomainError):
    """No sink has this id."""

    code = "log-sink-not-found"


@immutable
class SinkInput:
    """What an operator asks of a sink; empty secrets in `config` keep the stored ones."""

    name: str
    kind: str
    config: Mapping[str, Any]
    level: int = INFO
    sources: tuple[str, ...] = ()
    enabled: bool = True


@immutable
class SinkCheck:
    """The outcome of a test, in words for the operator."""

    ok: bool
    message: str


@immutable
class SinkRules:
    """What every sink's settings are held against; `own_origins`: where this installation itself is reached."""

    allow_private: bool = False
    own_origins: frozenset[str] = field(default=frozenset())


class SinkStore:
    """Reads and writes sinks with the vault at hand."""

    def __init__(self, vault: Vault, rules: SinkRules) -> None:
        self._vault = vault
        self._rules = rules

    def create(self, session: Session, data: SinkInput, now: int) -> LogSink:
        """Make a sink; raises InvalidSinkError with the wrong fields."""
        if len(list_sinks(session)) >= MAX_SINKS:
            raise InvalidSinkError({"name": f"There are {MAX_SINKS} sinks already. Delete one first."})
        row = LogSink(kind=data.kind, created_at=now)
        self._apply(session, row, data, now)
        session.add(row)
        session.flush()
        return row

    def update(self, session: Session, sink_id: int, data: SinkInput, now: int) -> LogSink:
        """Change a sink; raises InvalidSinkError, SinkNotFoundError.

        A secret goes only where it was entered for: whoever changes the server enters it again.
        """
        row = get_sink(session, sink_id)
        kept = self._vault.decrypt(row.secrets) if self.has_readable_secrets(row) else {}
        if _find_server(row.config) != _find_server(data.config):
            kept = {}
        config = {name: value for name, value in data.config.items() if value != "" or name not in kept}
        merged = SinkInput(data.name, row.kind, {**kept, **config}, data.level, data.sources, data.enabled)
        self._apply(session, row, merged, now)
        return row

    def has_readable_secrets(self, row: LogSink) -> bool:
        """Tell whether the stored secrets of a sink can be decrypted."""
        return self._vault.can_decrypt(row.secrets)

    def load_config(self, row: LogSink) -> SinkConfig:
        """Return the settings of a sink, secrets decrypted; raises VaultError, ValidationError, KeyError."""
        return load_kinds()[row.kind].Config.model_validate(
            {**row.config, **self._vault.decrypt(row.secrets)}
        )

    def _apply(self, session: Session, row: LogSink, data: SinkInput, now: int) -> None:
        problems = _find_plain_problems(session, row, data)
        kind = load_kinds().get(data.kind)
        if kind is None:
            raise InvalidSinkError({"kind": "Choose one of the kinds in the list."})
        config, wrong = self._read_config(kind, data.config)
        problems |= wrong
        if problems or config is None:
            raise InvalidSinkError(problems)
        values = config.model_dump(mode="json")
        row.name, row.enabled, row.level = data.name.strip(), data.enabled, data.level
        row.sources = sorted(data.sources)
        row.config = {name: value for name, value in values.items() if name not in kind.secrets}
        row.secrets = self._vault.encrypt({name: values[name] for name in kind.secrets})
        row.updated_at = now

    def _read_config(
        self, kind: type[SinkKind], values: Mapping[str, Any]
    ) -> tuple[SinkConfig | None, dict[str, str]]:
        try:
            config = kind.Config.model_validate(dict(values))
        except ValidationError as error:
            return None, {
                ".".join(map(str, each["loc"])) or "name": _describe_problem(each) for each in error.errors()
            }
        return config, self._find_unsafe(config)

    def _find_unsafe(self, config: SinkConfig) -> dict[str, str]:
        """Return what is wrong with where a sink sends: without TLS, or to ourselves."""
        url, is_tls = getattr(config, "url", ""), getattr(config, "tls", True)
        parts = urlsplit(url)
        if (parts.scheme == "http" or not is_tls) and not self._rules.allow_private:
            field_name = "url" if url else "tls"
            return {
                field_name: "Without TLS only where LOG_ALLOW_PRIVATE is set, for servers of your own network."
            }
        if f"{parts.scheme}://{parts.netloc.lower()}" in self._rules.own_origins and parts.path == PATH:
            return {"url": "This is Brainbox itself: its events would go round in circles."}
        return {}


def list_sinks(session: Session) -> list[LogSink]:
    """List the sinks by name."""
    return list(session.scalars(select(LogSink).order_by(LogSink.name)))


def get_sink(session: Session, sink_id: int) -> LogSink:
    """Return a sink; raises SinkNotFoundError."""
    row = session.get(LogSink, sink_id)
    if row is None:
        raise SinkNotFoundError("This sink is not there any more. Look at the list again.")
    return row


def set_enabled(session: Session, sink_id: int, *, enabled: bool) -> LogSink:
    """Send to a sink, or let its events wait; raises SinkNotFoundError."""
    row = get_sink(session, sink_id)
    row.enabled = enabled
    name_action(session, "log sink switched")
    return row


def delete_sink(session: Session, sink_id: int) -> str:
    """Delete a sink, what it has not sent is not sent; returns its name. Raises SinkNotFoundError."""
    row = get_sink(session, sink_id)
    session.delete(row)
    return row.name


def check_sink(kind: type[SinkKind], config: SinkConfig, context: SinkContext, event: LogEvent) -> SinkCheck:
    """Send one event to a sink, which is stored nowhere."""
    sink = kind.open(config, context)
    try:
        sink.send([event])
    except SinkError as error:
        return SinkCheck(ok=False, message=str(error))
    finally:
        sink.close()
    return SinkCheck(ok=True, message="One event was sent and taken: look for “Test from Brainbox” there.")


def _find_plain_problems(session: Session, row: LogSink, data: SinkInput) -> dict[str, str]:
    found: dict[str, str] = {}
    name = data.name.strip()
    taken = session.scalar(select(LogSink).where(LogSink.name == name))
    if not 1 <= len(name) <= 60:
        found["name"] = "Give the sink a name of 1 to 60 characters."
    elif taken and taken.id != row.id:
        found["name"] = f"There is already a sink called “{name}”."
    if data.level not in {level for level, _ in CHOICES}:
        found["level"] = "Choose a level of the list."
    return found


def _describe_problem(problem: ErrorDetails) -> str:
    words = _WORDS.get(problem["type"])
    if words is None:
        return problem["msg"].removeprefix("Value error, ")
    return words.format(**problem.get("ctx", {}))


def _find_server(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where settings send to."""
    parts = urlsplit(str(config.get("url", "")))
    return (parts.scheme, parts.netloc.lower(), str(config.get("host", "")), str(config.get("port", "")))
