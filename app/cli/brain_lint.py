"""`flask brain lint`: static check of a draft or file, exit code for CI."""

import json
from typing import Any

import click
from flask.cli import with_appcontext

from app.brains.document.validation import ValidationProblem
from app.brains.lint import ERROR, Finding, is_blocking, review
from app.cli.errors import handle_errors
from app.cli.options.brain_argument import read_document
from app.services import services


@click.command()
@click.argument("brain", metavar="SLUG|FILE")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@with_appcontext
def lint(context: click.Context, brain: str, strict: bool, as_json: bool) -> None:
    """Look through a draft or a YAML file without running it; exit code 1 when something must be repaired."""
    with handle_errors():
        found = review(read_document(brain), services().sandbox, f"lint:{brain}"[:100])
    if as_json:
        click.echo(json.dumps([_row(each) for each in found], indent=2, ensure_ascii=False))
    else:
        _print(found)
    if any(strict or is_blocking(each) for each in found):
        context.exit(1)


def _row(problem: ValidationProblem) -> dict[str, Any]:
    finding = problem if isinstance(problem, Finding) else None
    return {
        "code": finding.code if finding else "invalid",
        "severity": finding.severity if finding else ERROR,
        "path": problem.path,
        "command_id": problem.command_id,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "fix": problem.fix,
    }


def _print(found: list[ValidationProblem]) -> None:
    for row in map(_row, found):
        mark = click.style(row["severity"], fg="red" if row["severity"] == ERROR else "yellow")
        click.echo(f"{mark} {row['code']}  {row['path'] or 'brain'}: {row['message']}")
        if row["fix"]:
            click.echo(f"    -> {row['fix']}")
    errors = sum(map(is_blocking, found))
    click.echo(f"{errors} to repair, {len(found) - errors} worth a look." if found else "Nothing to repair.")
