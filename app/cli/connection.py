"""`flask connection`: add and list connections."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot.connections.store import ConnectionInput, list_connections
from app.bot.models import Connection
from app.bot.states import ReadMark
from app.channels.contract import Channel, WebhookChannel
from app.channels.registry import index_by_kind, iterate_channel_classes
from app.cli.errors import handle_errors
from app.cli.options.brain_argument import require_brain
from app.cli.options.settings import add_set_option, build_field_options
from app.services import services

_CHANNELS: Final = index_by_kind(iterate_channel_classes())
_DEFAULT_CHANNEL: Final = next(
    (kind for kind, channel in _CHANNELS.items() if vars(channel)["setup"].is_default), None
)
# What channels route by: --account for any, and the label of each channel's own field.
_ACCOUNT_OPTIONS: Final = dict.fromkeys(
    "--" + setup.account_field.label.lower().replace(" ", "-")
    for setup in (vars(channel)["setup"] for channel in _CHANNELS.values())
    if setup.account_field
)
_OWN_OPTIONS: Final = (
    *("channel", "name", "account", "brain", "messages_per_second", "pair_burst", "loop_guard", "settings"),
    *("mark_read", "show_typing"),
)


@click.group("connection")
def manage_connections() -> None:
    """Connect numbers and accounts of channels."""


@manage_connections.command()
@click.option(
    "--channel", default=_DEFAULT_CHANNEL, show_default=True, help=f"One of: {', '.join(_CHANNELS)}."
)
@click.option("--name", required=True, help="What operators see.")
@click.option(
    "--account",
    *_ACCOUNT_OPTIONS,
    "account",
    default="",
    help="What the channel routes by, such as the id of a number; where it has none of its own, the name.",
)
@build_field_options(
    {vars(channel)["title"]: vars(channel)["Config"] for channel in _CHANNELS.values()}, _OWN_OPTIONS
)
@add_set_option
@click.option("--brain", default="", metavar="SLUG", help="The brain that answers.")
@click.option("--messages-per-second", default=80, show_default=True, help="Sends per second; 0 = no limit.")
@click.option("--pair-burst", default=45, show_default=True, help="Burst per recipient; 0 = no limit.")
@click.option(
    "--loop-guard/--no-loop-guard",
    default=True,
    show_default=True,
    help="Hand chats over in which two bots seem to answer each other.",
)
@click.option(
    "--mark-read",
    type=click.Choice([each.value for each in ReadMark]),
    default=ReadMark.OFF.value,
    show_default=True,
    help="When people see that their message was read.",
)
@click.option("--show-typing", is_flag=True, help="Show typing while the bot works longer than a second.")
@with_appcontext
def add(
    channel: str, name: str, account: str, brain: str, settings: Mapping[str, str], **options: Any
) -> None:
    """Add a connection; its channel's own fields are options, or given with --set."""
    shared, connections = services(), services().connections
    kind = shared.channels.get(channel)
    names = ("messages_per_second", "pair_burst", "loop_guard", "mark_read", "show_typing")
    own = {each: options.pop(each) for each in names}
    values = ConnectionInput(
        name=name,
        channel=channel,
        account=account or ("" if kind is None or kind.setup.account_field else name),
        config=_build_config(kind, options, settings) if kind else {},
        **own,
    )

    def make(session: Session) -> Connection:
        made = connections.create(session, values, shared.clock())
        if brain:
            made.brain_id = require_brain(session, brain).id
        return made

    with handle_errors():
        made = shared.database.write(make)
    webhook = f" Webhook path: {kind.path}" if isinstance(kind, WebhookChannel) else ""
    click.echo(f"Connection {made.id} “{made.name}” added.{webhook}")


def _build_config(kind: Channel, options: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return what was given of a channel's fields, the required ones always; raises click.UsageError."""
    fields = kind.Config.model_fields
    unknown = [name for name in settings if name not in fields]
    if unknown:
        known = ", ".join(fields) or "none"
        raise click.UsageError(f"The channel {kind.kind} has no field “{unknown[0]}”. It has: {known}.")
    given = {**{name: options.get(name, "") for name in fields}, **settings}
    return {name: value for name, value in given.items() if value or fields[name].is_required()}


@manage_connections.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def list_(as_json: bool) -> None:
    """List the connections."""
    with handle_errors(), services().database.read() as session:
        rows = [
            {"id": c.id, "name": c.name, "channel": c.channel, "account": c.account, "enabled": c.enabled}
            for c in list_connections(session)
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['id']:>4}  {row['name']:<30} {row['channel']:<10} {row['account']}")
