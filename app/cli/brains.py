"""`flask brain`: brains in and out as YAML, for Git and for scripts."""

from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot import bot
from app.brains import exchange, versions
from app.brains.lint import review, stops
from app.brains.models import Brain
from app.brains.testing import Suite, reason_to_keep, run_tests
from app.brains.versions import NotPublishable
from app.cli.answers import explained
from app.cli.comparing import diff_, rehearse, why
from app.cli.linting import lint
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
brain.add_command(gallery)


@brain.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--publish", is_flag=True, help="Put it live, if it has no problem.")
@click.option("--note", default="Imported", show_default=True, help="The version's note.")
@click.option(
    "--anyway", default="", metavar="REASON", help="Publish although tests are red, for this reason."
)
@with_appcontext
def import_(file: Path, publish: bool, note: str, anyway: str) -> None:
    """Import FILE as the draft of the brain it names, made if need be."""
    shared = house()
    with explained():
        document = exchange.load(file.read_text(encoding="utf-8"))
        owner = f"import:{document['brain']}"
        found = [each for each in review(document, bot().sandbox, owner) if stops(each)]
        tested = run_tests(Suite(document), bot().sandbox) if publish and not found else ()
        reason = reason_to_keep(list(tested), anyway)

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
            made = versions.publish(
                session, there.id, note, None, shared.clock(), lambda _draft: found, reason
            )
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
