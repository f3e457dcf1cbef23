"""`flask brain test`, `train` and `gallery`: tests of a brain, scores of its intents, sample brains."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click
from flask.cli import with_appcontext

from app.brains.document import gallery as samples
from app.brains.document.understanding import train_intents
from app.brains.testing import GREEN, RED, CaseResult, Suite, list_failing, run_tests
from app.cli.errors import handle_errors
from app.cli.options.brain_argument import read_document
from app.services import services

_STATUS_STYLES = {GREEN: ("passed", "green"), RED: ("failed", "red")}


@click.command()
@click.argument("brain", metavar="SLUG|FILE")
@click.option("--only", multiple=True, metavar="NAME", help="Only the test of this name; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every step.")
@click.pass_context
@with_appcontext
def test(context: click.Context, brain: str, only: tuple[str, ...], as_json: bool) -> None:
    """Run the tests of a draft or a YAML file; nothing is sent. Exit code 1 when one does not pass."""
    with handle_errors():
        suite = Suite(read_document(brain), only=set(only) or None)
        results = []
        for result in run_tests(suite, services().sandbox):
            results.append(result)
            if not as_json:
                _print(result)
    if only and len(results) < len(set(only)):
        missing = sorted(set(only) - {result.name for result in results})
        raise click.ClickException(f"There is no test “{missing[0]}” in this brain.")
    if as_json:
        click.echo(json.dumps([_row(result) for result in results], indent=2, ensure_ascii=False))
    else:
        click.echo(f"{len(results) - len(list_failing(results))} of {len(results)} tests passed.")
    if list_failing(results):
        context.exit(1)


def _row(result: CaseResult) -> dict[str, Any]:
    return {**asdict(result), "steps": [asdict(step) for step in result.steps]}


def _print(result: CaseResult) -> None:
    word, colour = _STATUS_STYLES.get(result.status, (result.status, "red"))
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


@click.command("gallery")
@click.argument("words", nargs=-1)
@click.option("--show", metavar="SAMPLE", help="Print one sample as YAML, with its comments.")
def list_samples(words: tuple[str, ...], show: str | None) -> None:
    """List the sample brains, all or those with these WORDS."""
    if show:
        found = next((each for each in samples.load_samples() if each.slug == show), None)
        if found is None:
            raise click.ClickException(f"There is no sample “{show}”. See: flask --app wsgi brain gallery")
        click.echo(found.text, nl=False)
        return
    for each in samples.search_samples(" ".join(words)):
        click.echo(f"{each.slug:<24} {each.summary}")


@click.command()
@click.argument("brain", metavar="SLUG|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@with_appcontext
def train(brain: str, as_json: bool) -> None:
    """Train the intents of a draft or a YAML file and print their scores; nothing is stored."""
    with handle_errors():
        trained = train_intents(read_document(brain))
    if trained is None:
        raise click.ClickException(
            "There are no intents to train, or the brain has problems: see brain lint."
        )
    if as_json:
        click.echo(json.dumps(trained.report, indent=2, ensure_ascii=False))
        return
    _print_report(trained.report)


def _print_report(report: Mapping[str, Any]) -> None:
    low, high = report["interval"]
    click.echo(f"{report['examples']} examples, read with {report['encoder'] or 'the words alone'}.")
    click.echo(f"Right: {report['accuracy']:.0%} (95 of 100 times between {low:.0%} and {high:.0%}).")
    click.echo(f"Right and accepted: {report['accepted']:.0%}, wrong and accepted: {report['wrong']:.0%}.")
    click.echo(f"Of other matters {report['wrongly_accepted']:.0%} would be answered.")
    for each in report["intents"]:
        mark = click.style("weak", fg="yellow") if each["is_weak"] else "good"
        click.echo(f"  {mark} {each['name']}: {each['recall']:.0%} of {each['examples']} examples found")
    for each in report["confusions"]:
        click.echo(
            f"“{each['intent']}” is taken for “{each['taken_for']}”: {', '.join(each['examples'][:3])}"
        )
    for each in report["conflicts"]:
        click.echo(
            "These contradict each other: " + " – ".join(f"{name}: {text}" for name, text in each["examples"])
        )
    for each in report["suspicious"]:
        click.echo(f"“{each['example']}” of “{each['intent']}” looks like “{each['taken_for']}”.")
