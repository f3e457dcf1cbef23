"""`flask brain diff`, `rehearse` and `why`: differences, tests on past messages, explanation of a message."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot.explain import explain
from app.bot.release.rehearsals import RehearsalJob, RehearsalRequest
from app.brains.document import diff
from app.brains.runtime.rehearsal import RunResult
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.cli.errors import handle_errors
from app.cli.options.brain_argument import require_brain
from app.services import services
from app.text import MAX_INT64, parse_index

DRAFT: Final = "draft"
LIVE: Final = "live"
# Nobody signs in here: a user that no page has.
_NO_USER_ID: Final = 0
_COLOURS: Final = {diff.GONE: "red", diff.NEW: "green"}
_MARKS: Final = {diff.GONE: ("[-", "-]"), diff.NEW: ("{+", "+}")}


@click.command("diff")
@click.argument("slug")
@click.argument("old", default=LIVE)
@click.argument("new", default=DRAFT)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something differs.")
@click.pass_context
@with_appcontext
def compare_versions(context: click.Context, slug: str, old: str, new: str, exit_code: bool) -> None:
    """Show word by word what differs between two versions (numbers, “live” or “draft”) of the brain SLUG."""
    with handle_errors(), services().database.read() as session:
        brain = require_brain(session, slug)
        found = diff.compare(_document(session, brain, old), _document(session, brain, new))
    print_difference(found)
    if found and exit_code:
        context.exit(1)


def print_difference(found: diff.Difference) -> None:
    """Print a difference, word by word."""
    for field in found.fields:
        click.echo(f"{click.style('changed', bold=True)} {field.path}: {_format_field(field)}")
    for part in found.parts:
        moved = " (place {} -> {})".format(*part.moved) if part.moved else ""
        click.echo(f"{click.style(part.kind, bold=True)} {part.section} {part.key} “{part.name}”{moved}")
        for field in part.fields if part.kind == "changed" else ():
            click.echo(f"    {field.path}: {_format_field(field)}")
    if not found:
        click.echo("Nothing differs.")


@click.command()
@click.argument("slug")
@click.option(
    "--last", default=200, show_default=True, type=click.IntRange(1, 10_000), help="How many messages."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something would change.")
@click.pass_context
@with_appcontext
def rehearse(context: click.Context, slug: str, last: int, as_json: bool, exit_code: bool) -> None:
    """Test the draft of SLUG on its past messages, with nothing sent or stored, and list what would change."""
    with handle_errors():
        with services().database.read() as session:
            brain = require_brain(session, slug)
            request = RehearsalRequest("command-line", _NO_USER_ID, brain.id, brain.draft, last)
        job = services().rehearsals.start(request)
        if job.future:
            job.future.result()
    if as_json:
        click.echo(json.dumps(_report(job), indent=2, ensure_ascii=False))
    else:
        _print(job)
    if exit_code and job.changes:
        context.exit(1)


@click.command("why")
@click.argument("message_id", type=click.IntRange(0, MAX_INT64))
@with_appcontext
def explain_answer(message_id: int) -> None:
    """Say why the inbound message with this id was or was not answered."""
    shared = services()
    with handle_errors(), shared.database.read() as session:
        stale_after = int(shared.settings.stale_after_seconds * 1000)
        found = explain.explain(session, message_id, stale_after, shared.clock())
    if found is None:
        raise click.ClickException(
            f"There is no inbound message {message_id}. Its id stands in the chat's address: #m…"
        )
    click.echo(f"{found.title}: {found.sentence}")
    if found.advice:
        click.echo(f"    -> {found.advice}")


def _document(session: Session, brain: Brain, name: str) -> Mapping[str, Any]:
    """Return the document of a version number, the live version or the draft; raises BrainNotFound."""
    if name == DRAFT:
        return brain.draft
    if name == LIVE:
        version = store.find_live_version(session, brain)
        return version.document if version else {}
    number = parse_index(name)
    if number is None:
        raise store.BrainNotFound(f"“{name}” is no version. Give a number, “{LIVE}” or “{DRAFT}”.")
    return store.get_version(session, brain.id, number).document


def _format_field(field: diff.FieldChange) -> str:
    """Format a changed field with removed and added words marked, in colour on a terminal."""
    return "".join(_piece(piece) for piece in field.segments)


def _piece(piece: diff.Segment) -> str:
    if piece.kind == diff.SKIPPED:
        return f"\n… {piece.text} lines …\n"
    before, after = _MARKS.get(piece.kind, ("", ""))
    return click.style(f"{before}{piece.text}{after}", fg=_COLOURS.get(piece.kind))


def _report(job: RehearsalJob) -> dict[str, Any]:
    return {
        "messages": job.done,
        "tally": dict(job.tally),
        "changes": [
            {
                "kind": each.comparison.kind,
                "message_id": each.recorded.run.turn.message_id,
                "chat_id": each.recorded.run.turn.chat_id,
                "text": each.recorded.text,
                "before": _format_side(each.comparison.before),
                "after": _format_side(each.comparison.after),
                "new_calls": list(each.comparison.new_calls),
            }
            for each in job.changes
        ],
    }


def _print(job: RehearsalJob) -> None:
    for each in job.changes:
        compared = each.comparison
        kind, message_id = click.style(compared.kind, bold=True), compared.recorded.turn.message_id
        click.echo(f"{kind} message {message_id}: {each.recorded.text[:200]}")
        click.echo(f"    then:  {_format_side(compared.before)}")
        click.echo(f"    draft: {_format_side(compared.after)}")
        for call in compared.new_calls:
            click.echo(f"    would make a new external request: {call}")
    click.echo(f"{job.done} messages: {job.tally['same']} the same, {len(job.changes)} changed.")


def _format_side(side: RunResult) -> str:
    by = f" by “{side.command}”" if side.command else ""
    said = " | ".join(str(text) for each in side.effects or () if (text := getattr(each, "text", "")))
    more = said if side.status == "answered" else side.why
    return f"{side.status}{by}" + (f": {more}" if more else "")
