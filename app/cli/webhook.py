"""`flask webhook list` and `flask webhook replay`: signed webhooks that could not be handled."""

import json
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from app.bot.health import unhandled
from app.cli.errors import handle_errors
from app.services import services

_SHOWN_CHARS = 200


@click.group("webhook")
def manage_webhooks() -> None:
    """See and handle once more the signed webhooks that could not be handled when they came."""


@manage_webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, each body whole.")
@with_appcontext
def list_unhandled(as_json: bool) -> None:
    """Print what is kept, oldest first."""
    with handle_errors(), services().database.read() as session:
        kept = list(unhandled.iterate_unhandled(session))
    if as_json:
        click.echo(
            json.dumps([{"id": each.id, "received_at": each.received_at, "body": each.body} for each in kept])
        )
        return
    for each in kept:
        at = datetime.fromtimestamp(each.received_at / 1000, UTC).isoformat(timespec="seconds")
        click.echo(f"{each.id:>6}  {at}  {len(each.body)} characters  {each.body[:_SHOWN_CHARS]!r}")
    click.echo(f"{len(kept)} not handled")


@manage_webhooks.command()
@with_appcontext
def replay() -> None:
    """Handle what is kept once more, after the reason has been mended; messages stored already stay single."""
    shared = services()
    with handle_errors():
        results = shared.replay_webhooks()
    done = [result for result in results.values() if result is not None]
    click.echo(f"{len(done)} handled, {sum(result.new_count for result in done)} new messages")
    if left := len(results) - len(done):
        raise click.ClickException(f"{left} still cannot be handled: flask --app wsgi webhook list")
