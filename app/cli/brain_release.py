"""`flask brain canary`, `shadow`, `promote` and `stop`: gradual rollout of a version."""

import click
from flask.cli import with_appcontext

from app.brains.lint import is_blocking, review
from app.brains.testing import Suite, require_reason, run_tests
from app.brains.versions import release
from app.brains.versions.canary_guard import Guard
from app.brains.versions.intent_models import train_intents, use_stored_model
from app.brains.versions.models import Brain
from app.brains.versions.release import RolloutPlan
from app.brains.versions.routing import CANARY, MAX_PERCENT, SHADOW
from app.brains.versions.score_gate import require_scores
from app.brains.versions.store import DraftReview, PublishDetails
from app.cli.errors import handle_errors
from app.cli.options.brain_argument import require_brain
from app.services import services

_NOTE = click.option("--note", default="", help="The version's note.")
_ANYWAY = click.option(
    "--anyway", default="", metavar="REASON", help="Although tests failed or scores are low, for this reason."
)


@click.command("canary")
@click.argument("slug")
@click.option(
    "--percent",
    default=10,
    show_default=True,
    type=click.IntRange(1, MAX_PERCENT),
    help="Percentage of the contacts that get it.",
)
@click.option(
    "--extra-failures",
    default=2,
    show_default=True,
    help="Percentage points the error rate may rise before the automatic rollback.",
)
@click.option(
    "--slower", default=3, show_default=True, help="How many times the run time p95 may grow; 0 = no limit."
)
@_NOTE
@_ANYWAY
@with_appcontext
def start_canary(  # noqa: PLR0913  click gives an option each
    slug: str, percent: int, extra_failures: int, slower: int, note: str, anyway: str
) -> None:
    """Roll the draft of the brain SLUG out to part of the contacts, with automatic rollback."""
    _start(slug, RolloutPlan(CANARY, percent, Guard(extra_failures, slower)), note, anyway)
    click.echo(f"{percent} % of the contacts of “{slug}” get it from the next message on.")


@click.command("shadow")
@click.argument("slug")
@_NOTE
@_ANYWAY
@with_appcontext
def start_shadow(slug: str, note: str, anyway: str) -> None:
    """Run the draft of the brain SLUG in shadow mode: on live messages, without answering."""
    _start(slug, RolloutPlan(SHADOW, 0), note, anyway)
    click.echo(f"The draft of “{slug}” runs in shadow mode.")


@click.command()
@click.argument("slug")
@with_appcontext
def promote(slug: str) -> None:
    """Roll the version of the brain SLUG out to everyone."""
    shared = services()
    with handle_errors():
        brain = _require_brain(slug)
        made = shared.database.write(lambda s: release.promote(s, brain.id, None, shared.clock()))
    click.echo(f"Version {made.number} of “{slug}” is live for everyone.")


@click.command()
@click.argument("slug")
@with_appcontext
def stop(slug: str) -> None:
    """Stop the rollout of the brain SLUG: the live version answers everyone."""
    shared = services()
    with handle_errors():
        brain = _require_brain(slug)
        shared.database.write(lambda s: release.stop(s, brain.id, None, shared.clock()))
    click.echo(f"“{slug}” is answered by its live version alone.")


def _start(slug: str, plan: RolloutPlan, note: str, anyway: str) -> None:
    shared = services()
    with handle_errors():
        plan.check()
        brain = _require_brain(slug)
        found = [
            each for each in review(brain.draft, services().sandbox, f"draft:{brain.id}") if is_blocking(each)
        ]
        with shared.database.read() as session:
            use_stored_model(session, brain)
        trained = None if found else train_intents(brain.draft)
        tested = () if found else run_tests(Suite(brain.draft, brain.id), services().sandbox)
        reason = require_reason(list(tested), anyway)
        with shared.database.read() as session:
            reason = require_scores(session, brain, brain.draft, trained, anyway) or reason
        signed = PublishDetails(note, None, shared.clock(), reason)
        draft_review = DraftReview(found, brain.draft_rev, trained)
        shared.database.write(lambda s: release.start(s, brain.id, plan, draft_review, signed))


def _require_brain(slug: str) -> Brain:
    with services().database.read() as session:
        brain = require_brain(session, slug)
        session.expunge(brain)
        return brain
