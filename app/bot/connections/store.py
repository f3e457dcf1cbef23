"""Connections: made, changed, found; their secrets sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.channels.contract import Channel
from app.bot.models import Connection
from app.signals import DomainError
from app.vault import Vault

MAX_PACE = 1000
MAX_TAKEOVER = 7 * 24 * 60  # minutes


class ConnectionRefused(DomainError):
    """A connection that cannot be made or changed as asked; `fields` says where."""

    code = "connection"

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


@dataclass(frozen=True, slots=True)
class Wish:
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


class Connections:
    """Reads and writes connections with the channels and the vault at hand."""

    def __init__(self, channels: Mapping[str, Channel], vault: Vault) -> None:
        self.channels = channels
        self._vault = vault

    def create(self, session: Session, wish: Wish, now: int) -> Connection:
        """Make a connection; raises ConnectionRefused with the fields that are wrong."""
        connection = Connection(channel=wish.channel, created_at=now)
        self._apply(session, connection, wish)
        session.add(connection)
        session.flush()
        return connection

    def update(self, session: Session, connection_id: int, wish: Wish) -> Connection:
        """Change a connection; a secret left empty keeps its value. Raises ConnectionRefused."""
        connection = session.get_one(Connection, connection_id)
        kept = self._vault.open(connection.secrets)
        config = {k: v for k, v in wish.config.items() if v != "" or k not in kept}
        merged = Wish(**{**_fields(wish), "config": {**kept, **config}})
        self._apply(session, connection, merged)
        connection.parked_until, connection.parked_reason = 0, ""
        return connection

    def config(self, connection: Connection) -> BaseModel:
        """Return the channel's configuration, secrets opened; raises VaultError."""
        model = self.channels[connection.channel].Config
        return model.model_validate({**connection.config, **self._vault.open(connection.secrets)})

    def _apply(self, session: Session, connection: Connection, wish: Wish) -> None:
        problems = self._problems(session, connection, wish)
        if problems:
            raise ConnectionRefused(
                "Some fields need another look: " + "; ".join(problems.values()), problems
            )
        channel = self.channels[wish.channel]
        values = channel.Config.model_validate(wish.config).model_dump(mode="json")
        connection.name = wish.name.strip()
        connection.account = channel.clean_account(wish.account)
        connection.config = {k: v for k, v in values.items() if k not in channel.secrets}
        connection.secrets = self._vault.seal({k: v for k, v in values.items() if k in channel.secrets})
        connection.brain_id = wish.brain_id
        connection.messages_per_second = wish.messages_per_second
        connection.pair_burst = wish.pair_burst
        connection.on_unknown = wish.on_unknown
        connection.enabled = wish.enabled
        connection.replies_per_minute = wish.replies_per_minute
        connection.takeover_minutes = wish.takeover_minutes
        connection.loop_guard = wish.loop_guard

    def _problems(self, session: Session, connection: Connection, wish: Wish) -> dict[str, str]:
        if wish.channel not in self.channels:
            return {
                "channel": f"There is no channel “{wish.channel}”. Use one of: {', '.join(self.channels)}."
            }
        channel = self.channels[wish.channel]
        return {
            **_plain_problems(wish),
            **_config_problems(channel, wish),
            **_account_problems(session, channel, connection, wish),
        }


def _plain_problems(wish: Wish) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not 1 <= len(wish.name.strip()) <= 100:
        problems["name"] = "Give the connection a name of 1 to 100 characters."
    if not 0 <= wish.messages_per_second <= MAX_PACE:
        problems["messages_per_second"] = f"Messages per second must be 0 (no pacing) to {MAX_PACE}."
    if not 0 <= wish.pair_burst <= MAX_PACE:
        problems["pair_burst"] = f"The burst per person must be 0 (no pacing) to {MAX_PACE}."
    if not 0 <= wish.replies_per_minute <= MAX_PACE:
        problems["replies_per_minute"] = f"Answers a minute must be 0 (no cap) to {MAX_PACE}."
    if not 0 <= wish.takeover_minutes <= MAX_TAKEOVER:
        problems["takeover_minutes"] = (
            f"The bot can be silent for 0 (not at all) to {MAX_TAKEOVER:,} minutes."
        )
    if wish.on_unknown not in {"resend", "hold"}:
        problems["on_unknown"] = "Unknown sends can be sent again (resend) or held (hold)."
    return problems


def _config_problems(channel: Channel, wish: Wish) -> dict[str, str]:
    try:
        channel.Config.model_validate(wish.config)
    except ValidationError as error:
        return {
            ".".join(str(part) for part in each["loc"]): each["msg"].removeprefix("Value error, ")
            for each in error.errors()
        }
    return {}


def _account_problems(
    session: Session, channel: Channel, connection: Connection, wish: Wish
) -> dict[str, str]:
    try:
        account = channel.clean_account(wish.account)
    except DomainError as error:
        return {"account": str(error)}
    taken = find_account(session, channel.kind, account)
    if taken and taken.id != connection.id:
        return {"account": f"“{taken.name}” is already connected to {account}."}
    return {}


def _fields(wish: Wish) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in Wish.__slots__}


def find_account(session: Session, channel: str, account: str) -> Connection | None:
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
