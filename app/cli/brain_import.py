"""`flask brain import`: a YAML file becomes a draft; what it changes and asks for is shown."""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot import bot
from app.brains import diff, exchange, importing, versions
from app.brains.importing import ADD, REPLACE, Plan, Wish
from app.brains.lint import review, stops
from app.brains.problems import Problem
from app.brains.testing import Suite, reason_to_keep, run_tests
from app.brains.versions import NotPublishable
from app.cli.answers import explained
from app.cli.comparing import print_difference
from app.web import house

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be done besides importing; a `note` of None = do not publish."""

    way: str
    given: Collection[str]
    all_given: bool
    note: str | None
    anyway: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was worked out for a file: the draft there is with its edit count, the new one, and its problems."""

    slug: str
    draft: Mapping[str, Any] | None
    rev: int
    plan: Plan
    given: Collection[str]
    problems: list[Problem]


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", default="", metavar="SLUG", help="Another brain than the one the file names.")
@click.option("--add", is_flag=True, help="Add the commands to the draft instead of replacing it.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--grant", "given", multiple=True, metavar="KEY", help="Give a permission the file asks for.")
@click.option("--all-grants", "all_given", is_flag=True, help="Give all the file asks for.")
@click.option("--publish", is_flag=True, help="Put it live, if it has no problem.")
@click.option("--note", default="Imported", show_default=True, help="The version's note.")
@click.option(
    "--anyway", default="", metavar="REASON", help="Publish although tests are red, for this reason."
)
@with_appcontext
def import_(file: Path, into: str, add: bool, dry_run: bool, **more: Any) -> None:
    """Import FILE as the draft of the brain it names, made if need be.

    What it asks to be allowed beyond what the brain may do is only given with --grant or --all-grants.
    """
    note = more["note"] if more["publish"] else None
    options = Options(ADD if add else REPLACE, more["given"], more["all_given"], note, more["anyway"])
    with explained():
        found = _look(exchange.load(file.read_text(encoding="utf-8")), into, options)
        if dry_run:
            _tell_changes(found)
        else:
            number = _save(file, found, options)
            click.echo(
                f"Brain “{found.slug}” imported"
                + (f", version {number} is live." if number else " as draft.")
            )
    _tell_rest(found)


def _look(document: dict[str, Any], into: str, options: Options) -> Found:
    slug = into or str(document.get("brain") or "")
    if len(slug) > 60 or not _SLUG.fullmatch(slug):
        raise click.ClickException(
            "Say which brain: begin the file with “brain: short-name” (small letters, digits and -), or use --into."
        )
    with house().database.read() as session:
        there = versions.find_brain(session, slug)
        draft, rev = (there.draft, there.draft_rev) if there else (None, 0)
    wish = Wish(document, draft, options.way)
    asked = {permit.key for permit in importing.plan(wish, _new_id).permits}
    given = asked if options.all_given else set(options.given)
    if given - asked:
        unknown, known = ", ".join(sorted(given - asked)), ", ".join(sorted(asked)) or "nothing"
        raise click.ClickException(f"The file does not ask for {unknown}. It asks for: {known}.")
    plan = importing.plan(replace(wish, given=given), _new_id)
    return Found(slug, draft, rev, plan, given, review(plan.document, bot().sandbox, f"import:{slug}"))


def _save(file: Path, found: Found, options: Options) -> int | None:
    """Save the draft and, if wished, publish it in the same write; returns the version's number."""
    shared, document = house(), found.plan.document
    wrong = [each for each in found.problems if stops(each)]
    publish = options.note is not None
    tested = run_tests(Suite(document), bot().sandbox) if publish and not wrong else ()
    reason = reason_to_keep(list(tested), options.anyway)

    def save(session: Session) -> int | None:
        now = shared.clock()
        there = versions.find_brain(session, found.slug)
        if there is None:
            there = versions.create_brain(
                session, found.slug, str(document.get("title") or found.slug), document, now
            )
        else:
            versions.save_draft(session, there.id, document, found.rev, now)
        if options.note is None:
            return None
        made = versions.publish(session, there.id, options.note, None, now, lambda _draft: wrong, reason)
        return made.number

    try:
        return shared.database.write(save)
    except NotPublishable as error:
        told = "\n".join(f"  {problem.path}: {problem.message}" for problem in error.problems)
        raise click.ClickException(f"{file} cannot be published; nothing was changed.\n{told}") from error


def _tell_changes(found: Found) -> None:
    where = f"the draft of “{found.slug}”" if found.draft is not None else f"a new brain “{found.slug}”"
    click.echo(f"Nothing is changed. This is what the file would do to {where}:")
    print_difference(diff.compare(found.draft or {}, found.plan.document))


def _tell_rest(found: Found) -> None:
    for note in found.plan.notes:
        click.echo(f"  note: {note}")
    for permit in found.plan.permits:
        if permit.key in found.given:
            click.echo(f"  given: {permit.words} ({permit.now})")
        else:
            click.echo(f"  not given: {permit.words} ({permit.now}). Give it with --grant {permit.key}")
    for problem in found.problems:
        if stops(problem):
            click.echo(f"  to repair before publishing: {problem.path}: {problem.message}")


def _new_id() -> str:
    return f"c{secrets.token_hex(4)}"
