"""`flask audit`: verify the chain, export its entries, accept what a restored backup holds."""

import json

import click
from flask.cli import with_appcontext

from app.cli.audit.doctor_check import ACCEPT, ACCEPTED, list_accepted
from app.cli.errors import handle_errors
from app.db.actor import get_actor
from app.logs.audit.auditor import Auditor, EntryDraft
from app.logs.audit.entry_check import read_entries
from app.logs.audit.finding import FindingKind
from app.services import services


@click.group("audit")
def manage_audit() -> None:
    """Check, export and accept the audit: who changed what, and when."""


@manage_audit.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@with_appcontext
def verify(context: click.Context, as_json: bool) -> None:
    """Check that no entry was changed, removed or added; exit code 1 when one was. Tells of what was accepted."""
    with handle_errors():
        findings = services().get(Auditor).verify()
    if as_json:
        rows = [{"kind": f.kind, "first": f.first, "last": f.last, "text": f.text} for f in findings]
        click.echo(json.dumps(rows, indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.kind}: {finding.text}")
    if findings:
        if any(finding.kind == FindingKind.TRUNCATED_WITH_HEAD for finding in findings) and not as_json:
            click.echo(f"After the restore of a backup: {ACCEPT}")
        context.exit(1)
    if not as_json:
        click.echo("The audit is as it was written.")
        for words in list_accepted():
            click.echo(words)


@manage_audit.command("export")
@with_appcontext
def export() -> None:
    """Print all entries as JSON, one a line, oldest first."""
    with handle_errors(), services().database.engine.connect() as db:
        for entry in read_entries(db):
            click.echo(json.dumps(dict(entry), ensure_ascii=False))


@manage_audit.command("accept")
@click.option("--reason", required=True, help="Why the audit differs, such as: backup of Monday restored.")
@with_appcontext
def accept(reason: str) -> None:
    """Accept the entries in the database as they are, as after the restore of an older backup; leaves an entry."""
    auditor, database = services().get(Auditor), services().database
    actor = get_actor()
    with handle_errors():
        found = [finding.text for finding in auditor.verify()]
        change = {
            "kind": "audit",
            "id": "",
            "name": "",
            "before": {"findings": found},
            "after": {"reason": reason},
        }
        draft = EntryDraft(actor, ACCEPTED, ("audit", "", ""), [change])
        number = database.writer.run(lambda db: auditor.accept(db, draft))
    click.echo(f"Accepted by entry {number}. What was found stays found: {len(found)}.")
