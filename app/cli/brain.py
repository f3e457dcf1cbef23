"""`flask brain export` and `list`: brains as YAML."""

import click
from flask.cli import with_appcontext

from app.brains.document import yaml_format
from app.brains.versions import store
from app.cli.brain_diff import compare_versions, explain_answer, rehearse
from app.cli.brain_import import import_
from app.cli.brain_lint import lint
from app.cli.brain_release import promote, start_canary, start_shadow, stop
from app.cli.brain_test import list_samples, test, train
from app.cli.errors import handle_errors
from app.cli.options.brain_argument import require_brain
from app.services import services


@click.group("brain")
def manage_brains() -> None:
    """Manage brains and their versions."""


manage_brains.add_command(lint)
manage_brains.add_command(compare_versions)
manage_brains.add_command(rehearse)
manage_brains.add_command(explain_answer)
manage_brains.add_command(test)
manage_brains.add_command(train)
manage_brains.add_command(import_)
manage_brains.add_command(start_canary)
manage_brains.add_command(start_shadow)
manage_brains.add_command(promote)
manage_brains.add_command(stop)
manage_brains.add_command(list_samples)


@manage_brains.command("export")
@click.argument("slug")
@click.option("--live", is_flag=True, help="The live version instead of the draft.")
@with_appcontext
def export(slug: str, live: bool) -> None:
    """Print the brain SLUG as YAML."""
    with handle_errors(), services().database.read() as session:
        there = require_brain(session, slug)
        version = store.find_live_version(session, there) if live else None
        if live and version is None:
            raise click.ClickException(f"“{slug}” has no live version. Publish it, or leave out --live.")
        click.echo(yaml_format.dump_yaml(version.document if version else there.draft), nl=False)


@manage_brains.command("list")
@with_appcontext
def list_() -> None:
    """List the brains."""
    with handle_errors(), services().database.read() as session:
        for each in store.list_brains(session):
            state = "live" if each.live_version_id else "draft"
            click.echo(f"{each.slug:<30} {state:<6} {each.title}")
