"""`flask ai`: AI providers made, tested and removed without the browser."""

import sys

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot import bot
from app.brains.ai import prices
from app.brains.ai.models import AiProvider
from app.brains.ai.providers import (
    ProviderNotFound,
    Wish,
    find_provider,
    list_providers,
    remove_provider,
)
from app.cli.answers import explained
from app.web import house


@click.group()
def ai() -> None:
    """Set up the language models that brains may ask."""


@ai.command()
@click.argument("name")
@click.option("--base-url", required=True, help="Up to the version, e.g. https://api.openai.com/v1")
@click.option("--model", required=True, help="Asked where a prompt names no other.")
@click.option(
    "--currency", default=prices.CURRENCY, show_default=True, help="Of the prices: a code of ISO 4217."
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    callback=lambda _context, _option, lines: "\n".join(lines),
    help="Of a million tokens asked and a million answered: “gpt-4o-mini 0.15 0.60”. Repeatable.",
)
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input; none otherwise.")
@with_appcontext
def add(name: str, base_url: str, model: str, key_stdin: bool, **money: str) -> None:
    """Add the provider NAME."""
    key = sys.stdin.readline().strip() if key_stdin else ""
    wish = Wish(name, base_url, model, key, currency=money["currency"], prices=money["prices"])
    shared, providers = house(), bot().ai.providers
    with explained():
        made = shared.database.write(lambda session: providers.create(session, wish, shared.clock()))
    click.echo(f"AI provider “{made.name}” added. Test it: flask --app wsgi ai test {made.name}")


@ai.command("list")
@with_appcontext
def list_() -> None:
    """List the providers; the first one is the default."""
    with explained(), house().database.read() as session:
        for row in list_providers(session):
            click.echo(f"{row.name:<20} {row.model:<30} {row.base_url}")


@ai.command()
@click.argument("name")
@with_appcontext
def test(name: str) -> None:
    """Ask the provider NAME a tiny question."""
    with explained():
        with house().database.read() as session:
            row = _found(session, name)
        checked = bot().ai.check(row.id)
    if not checked.ok:
        raise click.ClickException(checked.message)
    click.echo(checked.message)


@ai.command()
@click.argument("name")
@with_appcontext
def remove(name: str) -> None:
    """Remove the provider NAME and its key."""
    with explained():
        house().database.write(lambda session: remove_provider(session, _found(session, name).id))
    click.echo(f"AI provider “{name}” removed.")


def _found(session: Session, name: str) -> AiProvider:
    row = find_provider(session, name)
    if row is None:
        raise ProviderNotFound(f"There is no AI provider “{name}”. See: flask --app wsgi ai list")
    return row
