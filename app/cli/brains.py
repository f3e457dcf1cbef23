"""`flask brain`: brains in and out as YAML, for Git and for scripts."""

from functools import partial
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot import bot
from app.brains import exchange, versions
from app.brains.models import Brain
from app.brains.problems import problems
from app.brains.versions import NotPublishable
from app.cli.answers import explained
from app.web import house


@click.group()
def brain() -> None:
    """Bring brains in and out as YAML."""


@brain.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--publish", is_flag=True, help="Put it live, if it has no problem.")
@click.option("--note", default="Imported", show_default=True, help="The version's note.")
@with_appcontext
def import_(file: Path, publish: bool, note: str) -> None:
    """Import FILE as the draft of the brain it names, made if need be."""
    shared = house()
    with explained():
        document = exchange.load(file.read_text(encoding="utf-8"))
        found = problems(document, partial(bot().sandbox.check, f"import:{document['brain']}"))

        def save(session: Session) -> tuple[str, int | None]:
            there = versions.find_brain(session, document["brain"])
            if there is None:
                there = versions.create_brain(
                    session, document["brain"], document["title"], document, shared.clock()
                )
            else:
                versions.save_draft(session, there.id, document, there.draft_rev, shared.clock())
            if not publish:
                return there.slug, None
            made = versions.publish(session, there.id, note, None, shared.clock(), lambda _draft: found)
            return there.slug, made.number

        try:
            slug, number = shared.database.write(save)
        except NotPublishable as error:
            told = "\n".join(f"  {problem.path}: {problem.message}" for problem in error.problems)
            raise click.ClickException(f"{file} cannot be published; nothing was changed.\n{told}") from error
    click.echo(f"Brain “{slug}” imported" + (f", version {number} is live." if number else " as draft."))
    if not publish:
        for problem in found:
            click.echo(f"  to repair before publishing: {problem.path}: {problem.message}")


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
