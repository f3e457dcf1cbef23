"""`flask brain canary`, `shadow`, `promote` and `stop`: a version tried before everybody has it."""

import click
from flask.cli import with_appcontext

from app.bot import bot
from app.brains import candidates, versions
from app.brains.candidates import Plan
from app.brains.lint import review, stops
from app.brains.models import Brain
from app.brains.rollout import CANARY, MOST_PERCENT, SHADOW, Guard
from app.brains.testing import Suite, reason_to_keep, run_tests
from app.brains.versions import Signed
from app.cli.answers import explained
from app.web import house

_NOTE = click.option("--note", default="", help="The version's note.")
_ANYWAY = click.option(
    "--anyway", default="", metavar="REASON", help="Although tests are red, for this reason."
)


@click.command()
@click.argument("slug")
@click.option(
    "--percent",
    default=10,
    show_default=True,
    type=click.IntRange(1, MOST_PERCENT),
    help="How many of 100 contacts get it.",
)
@click.option("--extra-failures", default=2, show_default=True, help="Points it may fail more often.")
@click.option("--slower", default=3, show_default=True, help="How many times as slow it may be; 0 = any.")
@_NOTE
@_ANYWAY
@with_appcontext
def canary(  # noqa: PLR0913  click gives an option each
    slug: str, percent: int, extra_failures: int, slower: int, note: str, anyway: str
) -> None:
    """Give the draft of the brain SLUG to part of the contacts; it is taken back by itself when it does worse."""
    _start(slug, Plan(CANARY, percent, Guard(extra_failures, slower)), note, anyway)
    click.echo(f"{percent} % of the contacts of “{slug}” get it from the next message on.")


@click.command()
@click.argument("slug")
@_NOTE
@_ANYWAY
@with_appcontext
def shadow(slug: str, note: str, anyway: str) -> None:
    """Run the draft of the brain SLUG silently beside what is live."""
    _start(slug, Plan(SHADOW, 0), note, anyway)
    click.echo(f"The draft of “{slug}” runs silently beside what is live.")


@click.command()
@click.argument("slug")
@with_appcontext
def promote(slug: str) -> None:
    """Put the version of the brain SLUG that is being tried live for everyone."""
    shared = house()
    with explained():
        brain = _found(slug)
        made = shared.database.write(lambda s: candidates.promote(s, brain.id, None, shared.clock()))
    click.echo(f"Version {made.number} of “{slug}” is live for everyone.")


@click.command()
@click.argument("slug")
@with_appcontext
def stop(slug: str) -> None:
    """Stop trying a version of the brain SLUG: the live one answers everyone."""
    shared = house()
    with explained():
        brain = _found(slug)
        shared.database.write(lambda s: candidates.stop(s, brain.id, None, shared.clock()))
    click.echo(f"“{slug}” is answered by its live version alone.")


def _start(slug: str, plan: Plan, note: str, anyway: str) -> None:
    shared = house()
    with explained():
        plan.check()
        brain = _found(slug)
        found = [each for each in review(brain.draft, bot().sandbox, f"draft:{brain.id}") if stops(each)]
        tested = () if found else run_tests(Suite(brain.draft, brain.id), bot().sandbox)
        signed = Signed(note, None, shared.clock(), reason_to_keep(list(tested), anyway))
        shared.database.write(lambda s: candidates.start(s, brain.id, plan, lambda _draft: found, signed))


def _found(slug: str) -> Brain:
    with house().database.read() as session:
        brain = versions.find_brain(session, slug)
        if brain is None:
            raise click.ClickException(f"There is no brain “{slug}”. See: flask --app wsgi brain list")
        session.expunge(brain)
        return brain
