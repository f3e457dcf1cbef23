"""Connections in the database: create, update, validation, default limits (messages a second, pause minutes)."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Connection
from app.bot.states import ReadMark
from app.brains.versions.models import Brain
from app.channels.contract import Channel
from app.db.after_commit import send_changed
from app.db.change_notes import name_action
from app.immutable import immutable
from app.signals import DomainError
from app.vault import Vault

MAX_RATE = 1000
MAX_TAKEOVER_MINUTES = 7 * 24 * 60  # minutes


class InvalidConnectionError(DomainError):
    """A connection that cannot be made or changed as asked; `fields` says where."""

    code = "connection"

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


@immutable
class ConnectionInput:
    """What an operator asks of a connection; `config` has the channel's fields, secrets among them."""

    name: str
    channel: str
    account: str
    config: Mapping[str, Any]
    brain_id: int | None = None
    messages_per_second: int = 80
    pair_burst: int = 45
    on_unknown: str = "resend"
    enabled: bool = True
    replies_per_minute: int = 0
    takeover_minutes: int = 60
    loop_guard: bool = True
    mark_read: str = ReadMark.OFF.value
    show_typing: bool = False


class ConnectionStore:
    """Reads and writes connections with the channels and the vault at hand."""

    def __init__(self, channels: Mapping[str, Channel], vault: Vault) -> None:
        self.channels = channels
        self._vault = vault

    def create(self, session: Session, data: ConnectionInput, now: int) -> Connection:
        """Make a connection; raises InvalidConnectionError with the fields that are wrong."""
        connection = Connection(channel=data.channel, created_at=now)
        self._apply(session, connection, data)
        session.add(connection)
        session.flush()
        _send_changed(session)
        return connection

    def update(self, session: Session, connection_id: int, data: ConnectionInput) -> Connection:
        """Change a connection; a secret left empty keeps its value. Raises InvalidConnectionError.

        Secrets that no key opens are not kept: they are entered again, all of them.
        """
        connection = session.get_one(Connection, connection_id)
        kept = self._vault.decrypt(connection.secrets) if self.has_readable_secrets(connection) else {}
        config = {k: v for k, v in data.config.items() if v != "" or k not in kept}
        merged = ConnectionInput(**{**_fields(data), "config": {**kept, **config}})
        self._apply(session, connection, merged)
        connection.parked_until, connection.parked_reason = 0, ""
        _send_changed(session)
        return connection

    def has_readable_secrets(self, connection: Connection) -> bool:
        """Tell whether the stored secrets of a connection can be decrypted."""
        return self._vault.can_decrypt(connection.secrets)

    def load_config(self, connection: Connection) -> BaseModel:
        """Return the channel's configuration, secrets decrypted; raises VaultError."""
        model = self.channels[connection.channel].Config
        return model.model_validate({**connection.config, **self._vault.decrypt(connection.secrets)})

    def _apply(self, session: Session, connection: Connection, data: ConnectionInput) -> None:
        problems = self._find_problems(session, connection, data)
        if problems:
            raise InvalidConnectionError(
                "Some fields need another look: " + "; ".join(problems.values()), problems
            )
        channel = self.channels[data.channel]
        values = channel.Config.model_validate(data.config).model_dump(mode="json")
        connection.name = data.name.strip()
        connection.account = channel.clean_account(data.account)
        connection.config = {k: v for k, v in values.items() if k not in channel.secrets}
        connection.secrets = self._vault.encrypt({k: v for k, v in values.items() if k in channel.secrets})
        connection.brain_id = data.brain_id
        connection.messages_per_second = data.messages_per_second
        connection.pair_burst = data.pair_burst
        connection.on_unknown = data.on_unknown
        connection.enabled = data.enabled
        connection.replies_per_minute = data.replies_per_minute
        connection.takeover_minutes = data.takeover_minutes
        connection.loop_guard = data.loop_guard
        connection.mark_read = data.mark_read
        connection.show_typing = data.show_typing

    def _find_problems(
        self, session: Session, connection: Connection, data: ConnectionInput
    ) -> dict[str, str]:
        if data.channel not in self.channels:
            return {
                "channel": f"There is no channel “{data.channel}”. Use one of: {', '.join(self.channels)}."
            }
        channel = self.channels[data.channel]
        return {
            **_plain_problems(data),
            **_brain_problems(session, data),
            **_config_problems(channel, data),
            **_account_problems(session, channel, connection, data),
        }


def _plain_problems(data: ConnectionInput) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not 1 <= len(data.name.strip()) <= 100:
        problems["name"] = "Give the connection a name of 1 to 100 characters."
    if not 0 <= data.messages_per_second <= MAX_RATE:
        problems["messages_per_second"] = f"Messages per second must be 0 (no pacing) to {MAX_RATE}."
    if not 0 <= data.pair_burst <= MAX_RATE:
        problems["pair_burst"] = f"The burst per person must be 0 (no pacing) to {MAX_RATE}."
    if not 0 <= data.replies_per_minute <= MAX_RATE:
        problems["replies_per_minute"] = f"Answers a minute must be 0 (no cap) to {MAX_RATE}."
    if not 0 <= data.takeover_minutes <= MAX_TAKEOVER_MINUTES:
        problems["takeover_minutes"] = (
            f"The bot can be silent for 0 (not at all) to {MAX_TAKEOVER_MINUTES:,} minutes."
        )
    if data.on_unknown not in {"resend", "hold"}:
        problems["on_unknown"] = "Unknown sends can be sent again (resend) or held (hold)."
    if data.mark_read not in set(ReadMark):
        problems["mark_read"] = "Messages are marked as read: never (off), with the answer or at_once."
    return problems


def _brain_problems(session: Session, data: ConnectionInput) -> dict[str, str]:
    if data.brain_id is None or session.get(Brain, data.brain_id):
        return {}
    return {"brain_id": "This bot is no longer there: choose another one."}


def _config_problems(channel: Channel, data: ConnectionInput) -> dict[str, str]:
    try:
        channel.Config.model_validate(data.config)
    except ValidationError as error:
        return {
            ".".join(str(part) for part in each["loc"]): each["msg"].removeprefix("Value error, ")
            for each in error.errors()
        }
    return {}


def _account_problems(
    session: Session, channel: Channel, connection: Connection, data: ConnectionInput
) -> dict[str, str]:
    try:
        account = channel.clean_account(data.account)
    except DomainError as error:
        return {"account": str(error)}
    taken = find_by_account(session, channel.kind, account)
    if taken and taken.id != connection.id:
        return {"account": f"“{taken.name}” is already connected to {account}."}
    return {}


def _fields(data: ConnectionInput) -> dict[str, Any]:
    return {each.name: getattr(data, each.name) for each in fields(data)}


def set_archived_at(session: Session, connection_id: int, archived_at: int | None) -> None:
    """Archive a connection at a moment (ms), or with None restore it."""
    session.get_one(Connection, connection_id).archived_at = archived_at
    name_action(session, "connection restored" if archived_at is None else "connection archived")
    _send_changed(session)


def _send_changed(session: Session) -> None:
    send_changed(session, topics.connections(), topics.dashboard())


def find_by_account(session: Session, channel: str, account: str) -> Connection | None:
    """Find a connection by what its channel routes by."""
    return session.scalar(
        select(Connection).where(Connection.channel == channel, Connection.account == account)
    )


def list_connections(session: Session, channel: str | None = None) -> list[Connection]:
    """List the connections that are not archived, oldest first."""
    query = select(Connection).where(Connection.archived_at.is_(None)).order_by(Connection.id)
    if channel:
        query = query.where(Connection.channel == channel)
    return list(session.scalars(query))
