"""`flask brain diff`, `rehearse` and `why`: what a draft changes, and why a message was or was not answered."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.bot import bot, explaining
from app.bot.rehearsing import Job, Wish
from app.brains import diff, versions
from app.brains.models import Brain
from app.brains.rehearsal import Side
from app.cli.answers import explained
from app.web import house

DRAFT: Final = "draft"
LIVE: Final = "live"
# Nobody signs in here: a user that no page has.
_NOBODY: Final = 0
_COLOURS: Final = {diff.GONE: "red", diff.NEW: "green"}
_MARKS: Final = {diff.GONE: ("[-", "-]"), diff.NEW: ("{+", "+}")}


@click.command("diff")
@click.argument("slug")
@click.argument("old", default=LIVE)
@click.argument("new", default=DRAFT)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something differs.")
@click.pass_context
@with_appcontext
def diff_(context: click.Context, slug: str, old: str, new: str, exit_code: bool) -> None:
    """Show word by word what differs between two versions (numbers, “live” or “draft”) of the brain SLUG."""
    with explained(), house().database.read() as session:
        brain = _found(session, slug)
        found = diff.compare(_document(session, brain, old), _document(session, brain, new))
    print_difference(found)
    if found and exit_code:
        context.exit(1)


def print_difference(found: diff.Difference) -> None:
    """Print what differs, word by word."""
    for field in found.fields:
        click.echo(f"{click.style('changed', bold=True)} {field.path}: {_marked(field)}")
    for part in found.parts:
        moved = " (place {} -> {})".format(*part.moved) if part.moved else ""
        click.echo(f"{click.style(part.kind, bold=True)} {part.section} {part.key} “{part.name}”{moved}")
        for field in part.fields if part.kind == "changed" else ():
            click.echo(f"    {field.path}: {_marked(field)}")
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
    """Run the draft of SLUG on its last messages, with nothing sent or kept, and list what would change."""
    with explained():
        with house().database.read() as session:
            brain = _found(session, slug)
            wish = Wish("command-line", _NOBODY, brain.id, brain.draft, last)
        job = bot().rehearsals.start(wish)
        if job.future:
            job.future.result()
    if as_json:
        click.echo(json.dumps(_report(job), indent=2, ensure_ascii=False))
    else:
        _print(job)
    if exit_code and job.changes:
        context.exit(1)


@click.command()
@click.argument("message_id", type=int)
@with_appcontext
def why(message_id: int) -> None:
    """Say why the inbound message with this id was or was not answered."""
    shared = house()
    with explained(), shared.database.read() as session:
        stale_after = int(shared.settings.stale_after_seconds * 1000)
        found = explaining.explain(session, message_id, stale_after, shared.clock())
    if found is None:
        raise click.ClickException(
            f"There is no inbound message {message_id}. Its id stands in the chat's address: #m…"
        )
    click.echo(f"{found.title}: {found.sentence}")
    if found.advice:
        click.echo(f"    -> {found.advice}")


def _found(session: Session, slug: str) -> Brain:
    there = versions.find_brain(session, slug)
    if there is None:
        raise versions.BrainNotFound(f"There is no brain “{slug}”. See: flask --app wsgi brain list")
    return there


def _document(session: Session, brain: Brain, name: str) -> Mapping[str, Any]:
    """Return the document of a version by its number, of the live one or of the draft; raises BrainNotFound."""
    if name == DRAFT:
        return brain.draft
    if name == LIVE:
        version = versions.live_version(session, brain)
        return version.document if version else {}
    if not name.isdecimal():
        raise versions.BrainNotFound(f"“{name}” is no version. Give a number, “{LIVE}” or “{DRAFT}”.")
    return versions.get_version(session, brain.id, int(name)).document


def _marked(field: diff.Field) -> str:
    """Write a changed field with what went and what came marked, in colour where the terminal has some."""
    return "".join(_piece(piece) for piece in field.pieces)


def _piece(piece: diff.Piece) -> str:
    if piece.kind == diff.SKIPPED:
        return f"\n… {piece.text} lines …\n"
    before, after = _MARKS.get(piece.kind, ("", ""))
    return click.style(f"{before}{piece.text}{after}", fg=_COLOURS.get(piece.kind))


def _report(job: Job) -> dict[str, Any]:
    return {
        "messages": job.done,
        "tally": dict(job.tally),
        "changes": [
            {
                "kind": each.compared.kind,
                "message_id": each.heard.past.turn.message_id,
                "chat_id": each.heard.past.turn.chat_id,
                "text": each.heard.words,
                "before": _told(each.compared.before),
                "after": _told(each.compared.after),
                "new_calls": list(each.compared.new_calls),
            }
            for each in job.changes
        ],
    }


def _print(job: Job) -> None:
    for each in job.changes:
        compared = each.compared
        click.echo(
            f"{click.style(compared.kind, bold=True)} message {compared.past.turn.message_id}: {each.heard.words[:200]}"
        )
        click.echo(f"    then:  {_told(compared.before)}")
        click.echo(f"    draft: {_told(compared.after)}")
        for call in compared.new_calls:
            click.echo(f"    would make a new call: {call}")
    click.echo(f"{job.done} messages: {job.tally['same']} the same, {len(job.changes)} changed.")


def _told(side: Side) -> str:
    by = f" by “{side.command}”" if side.command else ""
    said = " | ".join(str(text) for each in side.effects or () if (text := getattr(each, "text", "")))
    more = said if side.status == "answered" else side.why
    return f"{side.status}{by}" + (f": {more}" if more else "")
