"""`flask stats rebuild`: the numbers of the analytics counted again from the rows."""

from datetime import UTC, datetime
from itertools import islice

import click
from flask.cli import with_appcontext

from app.bot.recounting import Recount
from app.cli.answers import explained
from app.web import house

SHOWN = 100


@click.command()
@click.option(
    "--check", is_flag=True, help="Change nothing: print what differs, exit code 1 if anything does."
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out the days (UTC) before this one.")
@with_appcontext
def rebuild(check: bool, since: datetime | None) -> None:
    """Count the numbers of the analytics again, while messages go on being served; may be broken off and repeated."""
    shared = house()
    first = int(since.replace(tzinfo=UTC).timestamp() * 1000) if since else 0
    recount = Recount(shared.database, shared.clock(), first)
    with explained():
        if check:
            _check(recount)
        else:
            click.echo(f"{sum(1 for _ in recount.rebuild())} days counted again.")


def _check(recount: Recount) -> None:
    found = list(islice(recount.check(), SHOWN))
    for difference in found:
        click.echo(str(difference))
    if found:
        more = "At least " if len(found) == SHOWN else ""
        raise click.ClickException(
            f"{more}{len(found)} numbers differ from the rows. Mend them: flask --app wsgi stats rebuild"
        )
    click.echo("Every number equals the rows.")
