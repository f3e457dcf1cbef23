"""`flask brain`: brains in and out as YAML, for Git and for scripts."""

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.brains import exchange, versions
from app.brains.models import Brain
from app.cli.answers import explained
from app.cli.comparing import diff_, rehearse, why
from app.cli.importing import import_
from app.cli.linting import lint
from app.cli.rollouts import canary, promote, shadow, stop
from app.cli.testing import gallery, test
from app.web import house


@click.group()
def brain() -> None:
    """Bring brains in and out as YAML."""


brain.add_command(lint)
brain.add_command(diff_)
brain.add_command(rehearse)
brain.add_command(why)
brain.add_command(test)
brain.add_command(import_)
brain.add_command(canary)
brain.add_command(shadow)
brain.add_command(promote)
brain.add_command(stop)
brain.add_command(gallery)


@brain.command("export")
@click.argument("slug")
@click.option("--live", is_flag=True, help="The live version instead of the draft.")
@with_appcontext
def export(slug: str, live: bool) -> None:
    """Print the brain SLUG as YAML."""
    with explained(), house().database.read() as session:
        there = _found(session, slug)
        version = versions.live_version(session, there) if live else None
        if live and version is None:
            raise click.ClickException(f"“{slug}” has no live version. Publish it, or leave out --live.")
        click.echo(exchange.dump(version.document if version else there.draft), nl=False)


@brain.command("list")
@with_appcontext
def list_() -> None:
    """List the brains."""
    with explained(), house().database.read() as session:
        for each in versions.list_brains(session):
            state = "live" if each.live_version_id else "draft"
            click.echo(f"{each.slug:<30} {state:<6} {each.title}")


def _found(session: Session, slug: str) -> Brain:
    there = versions.find_brain(session, slug)
    if there is None:
        raise click.ClickException(f"There is no brain “{slug}”. See: flask --app wsgi brain list")
    return there
