"""`flask logs`: print stored log lines, make the token of a source, encrypt lines again with a new key."""

import json

import click
from flask.cli import with_appcontext

from app.cli.errors import handle_errors
from app.logs import sources
from app.logs.severity import CHOICES
from app.logs.sinks.event_format import build_object
from app.logs.sources import DEFAULT_RATE, SourceInput
from app.logs.store.event_pruning import rotate_keys
from app.logs.store.event_search import EventQuery, search_events
from app.services import services

_LEVELS = {word: level for level, word in CHOICES}


@click.group("logs")
def manage_logs() -> None:
    """Read the stored log lines, and manage who may send and with which key they are encrypted."""


@manage_logs.command("show")
@click.option("--level", type=click.Choice(list(_LEVELS)), help="Lowest level.")
@click.option("--source", default="", help="Only of this source.")
@click.option("--text", default="", help="Only lines with this text.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="How many lines.")
@with_appcontext
def show_lines(level: str | None, source: str, text: str, limit: int) -> None:
    """Print the newest lines as JSON, oldest first."""
    query = EventQuery(level=_LEVELS.get(level or "", 0), source=source, text=text)
    for event in reversed(search_events(services().logs.store, query, limit).events):
        click.echo(json.dumps(build_object(event), ensure_ascii=False))


@manage_logs.command("token")
@click.argument("name")
@click.option("--days", default=0, help="Days until the token ends; 0 = never.")
@click.option("--events-per-second", default=DEFAULT_RATE, show_default=True, help="Most events a second.")
@with_appcontext
def make_token(name: str, days: int, events_per_second: int) -> None:
    """Make the source NAME and print its token, this once."""
    shared = services()
    data = SourceInput(name, days, events_per_second)
    with handle_errors():
        made = shared.database.write(lambda session: sources.create_source(session, data, shared.clock()))
    click.echo(made.token)


@manage_logs.command("rotate")
@with_appcontext
def rotate() -> None:
    """Encrypt stored lines again with the current SECRET_KEY, so that former keys are needed no more."""
    store, at, done, lost = services().logs.store, 0, 0, 0
    while True:
        some, unreadable, at = rotate_keys(store, at)
        done, lost = done + some, lost + unreadable
        if not at:
            break
    click.echo(f"{done} encrypted again")
    if lost:
        raise click.ClickException(f"{lost} open with no key: put the former key into SECRET_KEYS_OLD.")
