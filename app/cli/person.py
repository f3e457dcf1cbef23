"""`flask person erase`: export and erasure of a person."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from app.bot.chats import export, listing
from app.cli.errors import handle_errors
from app.privacy import erasure, subject
from app.privacy.models import Erasure
from app.services import services


@click.group("person")
def manage_people() -> None:
    """Answer what people ask about what is stored of them."""


@manage_people.command()
@click.argument("handle", metavar="PHONE_OR_USER_ID")
@click.option("--dry-run", is_flag=True, help="Change nothing: print what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--export",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="First write the person's chats into this folder, as JSON.",
)
@with_appcontext
def erase(handle: str, dry_run: bool, yes: bool, folder: Path | None) -> None:
    """Erase a person everywhere: messages, files, memory, traces, copies. There is no way back."""
    with handle_errors():
        with services().database.read() as session:
            found = subject.find(session, handle)
            counts = subject.count_by_kind(session, found)
        _print(counts)
        if dry_run:
            click.echo("Nothing was changed. Copies elsewhere are looked for when it is done.")
            return
        if not yes:
            click.confirm("Erase this person for good?", abort=True)
        if folder:
            _export(found, folder)
        _erase(handle)


def _erase(handle: str) -> None:
    shared = services()
    digest = subject.compute_digest(shared.settings.secret_key, handle)
    row = shared.database.write(lambda s: erasure.begin(s, handle, digest, None, shared.clock()))
    # A worker may have taken it up already: then it is at it.
    if services().erasure.claim(row.id) and not services().erasure.run(row.id):
        raise click.ClickException(
            "The rows are gone; the database file is being read and is cleaned up later."
        )
    with shared.database.read() as session:
        done = session.get_one(Erasure, row.id)
    if done.ended_at is None:
        click.echo("A running worker is erasing this person. See Settings > Privacy.")
        return
    click.echo("Erased:")
    _print(done.counts)
    for place in done.remains:
        click.echo(f"Still named in {place}: change it there.")


def _export(found: subject.Subject, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with services().database.read() as session:
        for chat_id in found.chat_ids:
            line = listing.get_chat(session, chat_id)
            if line:
                text = "".join(export.export_json(session, line))
                (folder / f"chat-{chat_id}.json").write_text(text)


def _print(counts: dict[str, int]) -> None:
    for kind, n in counts.items():
        click.echo(f"{n:>8}  {subject.KINDS[kind]}")
