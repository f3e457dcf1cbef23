"""`flask stats rebuild`: counts the analytics again from the rows."""

from datetime import UTC, datetime
from itertools import islice

import click
from flask.cli import with_appcontext

from app.analytics.rebuild import RollupRebuild
from app.cli.errors import handle_errors
from app.services import services

MAX_SHOWN = 100


@click.command()
@click.option(
    "--check", is_flag=True, help="Change nothing: print what differs, exit code 1 if anything does."
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out the days (UTC) before this one.")
@with_appcontext
def rebuild(check: bool, since: datetime | None) -> None:
    """Count the numbers of the analytics again, while messages go on being served; may be broken off and repeated."""
    shared = services()
    first = int(since.replace(tzinfo=UTC).timestamp() * 1000) if since else 0
    recount = RollupRebuild(shared.database, shared.clock(), first)
    with handle_errors():
        if check:
            _print_mismatches(recount)
        else:
            click.echo(f"{sum(1 for _ in recount.rebuild())} days counted again.")


def _print_mismatches(recount: RollupRebuild) -> None:
    found = list(islice(recount.check(), MAX_SHOWN))
    for difference in found:
        click.echo(str(difference))
    if found:
        more = "At least " if len(found) == MAX_SHOWN else ""
        raise click.ClickException(
            f"{more}{len(found)} numbers differ from the rows. Mend them: flask --app wsgi stats rebuild"
        )
    click.echo("Every number equals the rows.")
