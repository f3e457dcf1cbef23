"""`flask init`: creates the owner's account."""

import sys

import click
from flask.cli import with_appcontext

from app.accounts import AccountError, Passwords, create_user, has_users
from app.cli.errors import handle_errors
from app.services import services


@click.command()
@click.option("--email", required=True, help="The owner's e-mail address, to sign in with.")
@click.option("--name", default="", help="The owner's name.")
@click.option(
    "--timezone", default="UTC", show_default=True, help="The owner's time zone, e.g. Africa/Accra."
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; asked for otherwise."
)
@with_appcontext
def init(email: str, name: str, timezone: str, password_stdin: bool) -> None:
    """Create the owner account of a new installation."""
    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    shared = services()
    with handle_errors():
        with shared.database.read() as session:
            if has_users(session):
                raise AccountError(
                    "This installation has an owner already. Sign in, or use another database."
                )
        user = shared.database.write(
            lambda s: create_user(
                s,
                Passwords(),
                email=email,
                password=password,
                name=name,
                timezone=timezone,
                now=shared.clock(),
            )
        )
    click.echo(f"Owner {user.email} created.")
