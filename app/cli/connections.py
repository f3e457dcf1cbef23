"""`flask connection`: connections made and listed without the browser."""

import json

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot import bot
from app.bot.connections import Wish, list_connections
from app.bot.models import Connection
from app.brains.versions import BrainNotFound, find_brain
from app.cli.answers import explained
from app.web import house


@click.group()
def connection() -> None:
    """Connect WhatsApp numbers."""


@connection.command()
@click.option("--channel", default="cloud", show_default=True, help="cloud or simulator.")
@click.option("--name", required=True, help="What operators see.")
@click.option("--phone-number-id", default="", help="Meta's id of the number (WhatsApp > API Setup).")
@click.option("--access-token", default="", help="A system user's token with whatsapp_business_messaging.")
@click.option("--app-secret", default="", help="The app's secret (App settings > Basic).")
@click.option("--verify-token", default="", help="A word of your own; enter the same at Meta's webhook.")
@click.option("--brain", default="", metavar="SLUG", help="The brain that answers.")
@click.option("--messages-per-second", default=80, show_default=True, help="Sends a second; 0 = no pacing.")
@click.option(
    "--pair-burst", default=45, show_default=True, help="Sends to one person at once; 0 = no pacing."
)
@click.option(
    "--loop-guard/--no-loop-guard",
    default=True,
    show_default=True,
    help="Hand chats over in which two bots seem to answer each other.",
)
@with_appcontext
def add(  # noqa: PLR0913  one argument an option
    channel: str,
    name: str,
    phone_number_id: str,
    access_token: str,
    app_secret: str,
    verify_token: str,
    brain: str,
    messages_per_second: int,
    pair_burst: int,
    loop_guard: bool,
) -> None:
    """Add a connection."""
    config = {"access_token": access_token, "app_secret": app_secret, "verify_token": verify_token}
    wish = Wish(
        name=name,
        channel=channel,
        account=phone_number_id or ("" if channel == "cloud" else name),
        config=config if channel == "cloud" else {},
        messages_per_second=messages_per_second,
        pair_burst=pair_burst,
        loop_guard=loop_guard,
    )
    shared, connections = house(), bot().connections

    def make(session: Session) -> Connection:
        made = connections.create(session, wish, shared.clock())
        if brain:
            found = find_brain(session, brain)
            if found is None:
                raise BrainNotFound(f"There is no brain “{brain}”. See: flask --app wsgi brain list")
            made.brain_id = found.id
        return made

    with explained():
        made = shared.database.write(make)
    click.echo(f"Connection {made.id} “{made.name}” added. Webhook path: /webhooks/whatsapp")


@connection.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def list_(as_json: bool) -> None:
    """List the connections."""
    with explained(), house().database.read() as session:
        rows = [
            {"id": c.id, "name": c.name, "channel": c.channel, "account": c.account, "enabled": c.enabled}
            for c in list_connections(session)
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['id']:>4}  {row['name']:<30} {row['channel']:<10} {row['account']}")
