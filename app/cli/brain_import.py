"""`flask brain import`: YAML file to draft, with changes, permissions, and publishing on request."""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.brains.document import diff, importing, yaml_format
from app.brains.document.importing import ADD, REPLACE, ImportPlan, ImportRequest
from app.brains.document.validation import ValidationProblem
from app.brains.lint import is_blocking, review
from app.brains.testing import Suite, require_reason, run_tests
from app.brains.versions import store
from app.brains.versions.intent_models import train_intents
from app.brains.versions.score_gate import require_scores
from app.brains.versions.store import DraftReview, UnpublishableDraft
from app.cli.brain_diff import print_difference
from app.cli.errors import handle_errors
from app.immutable import immutable
from app.services import services

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@immutable
class ImportOptions:
    """Options of an import; `note` None = do not publish."""

    way: str
    grants: Collection[str]
    grant_all: bool
    note: str | None
    override_reason: str


@immutable
class ImportPreview:
    """Prepared import: current draft with its edit count, plan of the new one, and its problems."""

    slug: str
    draft: Mapping[str, Any] | None
    rev: int
    plan: ImportPlan
    grants: Collection[str]
    problems: list[ValidationProblem]


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
    "--anyway", default="", metavar="REASON", help="Publish although tests failed, for this reason."
)
@with_appcontext
def import_(file: Path, into: str, add: bool, dry_run: bool, **more: Any) -> None:
    """Import FILE as the draft of the brain it names, made if need be.

    What it asks to be allowed beyond what the brain may do is only given with --grant or --all-grants.
    """
    note = more["note"] if more["publish"] else None
    options = ImportOptions(ADD if add else REPLACE, more["given"], more["all_given"], note, more["anyway"])
    with handle_errors():
        found = _prepare_import(yaml_format.read_file(file), into, options)
        if dry_run:
            _print_changes(found)
        else:
            number = _save(file, found, options)
            click.echo(
                f"Brain “{found.slug}” imported"
                + (f", version {number} is live." if number else " as draft.")
            )
    _print_remarks(found)


def _prepare_import(document: dict[str, Any], into: str, options: ImportOptions) -> ImportPreview:
    slug = into or str(document.get("brain") or "")
    if len(slug) > 60 or not _SLUG.fullmatch(slug):
        raise click.ClickException(
            "Say which brain: begin the file with “brain: short-name” (small letters, digits and -), or use --into."
        )
    with services().database.read() as session:
        there = store.find_brain(session, slug)
        draft, rev = (there.draft, there.draft_rev) if there else (None, 0)
    request = ImportRequest(document, draft, options.way)
    requested = {permit.key for permit in importing.build_plan(request, _new_id).permission_requests}
    given = requested if options.grant_all else set(options.grants)
    if given - requested:
        unknown, known = ", ".join(sorted(given - requested)), ", ".join(sorted(requested)) or "nothing"
        raise click.ClickException(f"The file does not ask for {unknown}. It asks for: {known}.")
    plan = importing.build_plan(replace(request, granted_keys=given), _new_id)
    return ImportPreview(
        slug, draft, rev, plan, given, review(plan.document, services().sandbox, f"import:{slug}")
    )


def _save(file: Path, found: ImportPreview, options: ImportOptions) -> int | None:
    """Save the draft and, if requested, publish it in the same write; return the version's number."""
    shared, document = services(), found.plan.document
    wrong = [each for each in found.problems if is_blocking(each)]
    publish = options.note is not None
    tested = run_tests(Suite(document), services().sandbox) if publish and not wrong else ()
    reason = require_reason(list(tested), options.override_reason)
    trained = train_intents(document) if publish and not wrong else None

    def save(session: Session) -> int | None:
        now = shared.clock()
        there = store.find_brain(session, found.slug)
        if there is None:
            there = store.create_brain(
                session, found.slug, str(document.get("title") or found.slug), document, now
            )
        else:
            store.save_draft(session, there.id, document, found.rev, now)
        if options.note is None:
            return None
        draft_review = DraftReview(wrong, trained=trained)
        why = require_scores(session, there, document, trained, options.override_reason) or reason
        made = store.publish(session, there.id, options.note, None, now, draft_review, why)
        return made.number

    try:
        return shared.database.write(save)
    except UnpublishableDraft as error:
        lines = "\n".join(f"  {problem.path}: {problem.message}" for problem in error.problems)
        raise click.ClickException(f"{file} cannot be published; nothing was changed.\n{lines}") from error


def _print_changes(found: ImportPreview) -> None:
    where = f"the draft of “{found.slug}”" if found.draft is not None else f"a new brain “{found.slug}”"
    click.echo(f"Nothing is changed. This is what the file would do to {where}:")
    print_difference(diff.compare(found.draft or {}, found.plan.document))


def _print_remarks(found: ImportPreview) -> None:
    for note in found.plan.notes:
        click.echo(f"  note: {note}")
    for permit in found.plan.permission_requests:
        if permit.key in found.grants:
            click.echo(f"  given: {permit.description} ({permit.current})")
        else:
            click.echo(
                f"  not given: {permit.description} ({permit.current}). Give it with --grant {permit.key}"
            )
    for problem in found.problems:
        if is_blocking(problem):
            click.echo(f"  to repair before publishing: {problem.path}: {problem.message}")


def _new_id() -> str:
    return f"c{secrets.token_hex(4)}"
