"""`flask brain test` and `flask brain gallery`: the tests brains bring along, and samples to begin with."""

import json
from dataclasses import asdict
from typing import Any

import click
from flask.cli import with_appcontext

from app.bot import bot
from app.brains import gallery as samples
from app.brains.testing import GREEN, CaseResult, Suite, failing, run_tests
from app.cli.answers import explained
from app.cli.documents import read_document

_MARKS = {GREEN: ("green", "green")}


@click.command()
@click.argument("brain", metavar="SLUG|FILE")
@click.option("--only", multiple=True, metavar="NAME", help="Only the test of this name; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every step.")
@click.pass_context
@with_appcontext
def test(context: click.Context, brain: str, only: tuple[str, ...], as_json: bool) -> None:
    """Run the tests of a draft or a YAML file; nothing is sent. Exit code 1 when one is not green."""
    with explained():
        suite = Suite(read_document(brain), only=set(only) or None)
        results = []
        for result in run_tests(suite, bot().sandbox):
            results.append(result)
            if not as_json:
                _print(result)
    if only and len(results) < len(set(only)):
        missing = sorted(set(only) - {result.name for result in results})
        raise click.ClickException(f"There is no test “{missing[0]}” in this brain.")
    if as_json:
        click.echo(json.dumps([_row(result) for result in results], indent=2, ensure_ascii=False))
    else:
        click.echo(f"{len(results) - len(failing(results))} of {len(results)} tests are green.")
    if failing(results):
        context.exit(1)


def _row(result: CaseResult) -> dict[str, Any]:
    return {**asdict(result), "steps": [asdict(step) for step in result.steps]}


def _print(result: CaseResult) -> None:
    word, colour = _MARKS.get(result.status, (result.status, "red"))
    click.echo(f"{click.style(word, fg=colour)} {result.name}")
    if not result.steps and result.problem:
        click.echo(f"    {result.problem}")
    for step in result.steps:
        if not step.ok:
            click.echo(f"    step {step.number} ({step.step}): {step.why}")
            if step.expected:
                click.echo(f"        expected: {step.expected}\n        came:     {step.came}")
        if step.note:
            click.echo(f"    step {step.number}: {step.note}")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--show", metavar="SAMPLE", help="Print one sample as YAML, with its comments.")
def gallery(words: tuple[str, ...], show: str | None) -> None:
    """List the sample brains, all or those with these WORDS."""
    if show:
        found = next((each for each in samples.samples() if each.slug == show), None)
        if found is None:
            raise click.ClickException(f"There is no sample “{show}”. See: flask --app wsgi brain gallery")
        click.echo(found.text, nl=False)
        return
    for each in samples.matching(" ".join(words)):
        click.echo(f"{each.slug:<24} {each.summary}")
