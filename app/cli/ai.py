"""`flask ai`: add, list, test and remove AI providers."""

import sys
from collections.abc import Mapping
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.brains.ai import prices
from app.brains.ai.contract import DEFAULT_KIND
from app.brains.ai.models import AiProvider
from app.brains.ai.provider_store import (
    ProviderInput,
    ProviderNotFound,
    find_provider,
    list_kinds,
    list_providers,
    remove_provider,
)
from app.cli.errors import handle_errors
from app.cli.options.settings import add_set_option
from app.services import services


@click.group("ai")
def manage_ai() -> None:
    """Manage the language models that brains may use."""


@manage_ai.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([kind.kind for kind in list_kinds()]),
    default=DEFAULT_KIND,
    show_default=True,
    help="Kind of provider; its own settings are given with --set.",
)
@add_set_option
@click.option("--base-url", required=True, help="Up to the version, e.g. https://api.openai.com/v1")
@click.option("--model", required=True, help="Used where a prompt names no other.")
@click.option(
    "--currency", default=prices.CURRENCY, show_default=True, help="Currency of the prices, an ISO 4217 code."
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    callback=lambda _context, _option, lines: "\n".join(lines),
    help="Model, price per 1M input tokens, price per 1M output tokens: “gpt-4o-mini 0.15 0.60”. Repeatable.",
)
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input; none otherwise.")
@with_appcontext
def add(
    name: str, base_url: str, model: str, key_stdin: bool, settings: Mapping[str, str], **more: Any
) -> None:
    """Add the provider NAME."""
    key = sys.stdin.readline().strip() if key_stdin else ""
    values = ProviderInput(name, base_url, model, key, options=settings, **more)
    shared, providers = services(), services().ai.providers
    with handle_errors():
        made = shared.database.write(lambda session: providers.create(session, values, shared.clock()))
    click.echo(f"AI provider “{made.name}” added. Test it: flask --app wsgi ai test {made.name}")


@manage_ai.command("list")
@with_appcontext
def list_() -> None:
    """List the providers; the first one is the default."""
    with handle_errors(), services().database.read() as session:
        for row in list_providers(session):
            click.echo(f"{row.name:<20} {row.model:<30} {row.base_url}")


@manage_ai.command()
@click.argument("name")
@with_appcontext
def test(name: str) -> None:
    """Send a short test request to the provider NAME."""
    with handle_errors():
        with services().database.read() as session:
            row = _require_provider(session, name)
        checked = services().ai.check(row.id)
    if not checked.ok:
        raise click.ClickException(checked.message)
    click.echo(checked.message)


@manage_ai.command()
@click.argument("name")
@with_appcontext
def remove(name: str) -> None:
    """Remove the provider NAME and its key."""
    with handle_errors():
        services().database.write(
            lambda session: remove_provider(session, _require_provider(session, name).id)
        )
    click.echo(f"AI provider “{name}” removed.")


def _require_provider(session: Session, name: str) -> AiProvider:
    row = find_provider(session, name)
    if row is None:
        raise ProviderNotFound(f"There is no AI provider “{name}”. See: flask --app wsgi ai list")
    return row
