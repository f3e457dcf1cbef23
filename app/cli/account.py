"""`flask init` and `flask account`: the owner's account; people who sign in: list, links, lost second factors."""

import secrets
import sys

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from app.accounts import invitations, password_resets, second_factor, team
from app.accounts.one_time_links import OneTimeLink
from app.accounts.roles import Role
from app.accounts.users import AccountError, Passwords, User, UserNotFound, create_user, find_user, has_users
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


@click.group("account")
def manage_accounts() -> None:
    """Help people who sign in to Brainbox back in."""


@manage_accounts.command("list")
@with_appcontext
def list_accounts() -> None:
    """List the people with their roles."""
    with services().database.read() as session:
        for member in team.list_members(session):
            user = member.user
            marks = [
                *(["second factor"] if member.has_factor else []),
                *(["deactivated"] if user.deactivated_at else []),
            ]
            click.echo("  ".join([f"{user.role:<7}", user.email, *marks]))


@manage_accounts.command()
@click.argument("email")
@click.option(
    "--role", type=click.Choice([str(role) for role in Role]), default=str(Role.AGENT), show_default=True
)
@with_appcontext
def invite(email: str, role: str) -> None:
    """Print a one-time link with which somebody makes their account."""
    shared, token = services(), secrets.token_urlsafe(32)
    with handle_errors():
        row = shared.database.write(
            lambda session: invitations.invite(session, None, email, Role(role), (token, shared.clock()))
        )
    _print_link("access_links.show_invitation", token, "seven days", is_replacing=row.is_replacing)


@manage_accounts.command()
@click.argument("email")
@with_appcontext
def reset_password(email: str) -> None:
    """Print a one-time link with which somebody sets another password."""
    shared, token = services(), secrets.token_urlsafe(32)

    def issue(session: Session) -> OneTimeLink:
        return password_resets.issue(session, None, _find(session, email).id, token, shared.clock())

    with handle_errors():
        row = shared.database.write(issue)
    _print_link("access_links.show_reset", token, "an hour", is_replacing=row.is_replacing)


@manage_accounts.command()
@click.argument("email")
@with_appcontext
def reset_factor(email: str) -> None:
    """Forget somebody's second factor: the password alone lets them in until they set it up again."""
    shared = services()

    def reset(session: Session) -> int:
        user_id = _find(session, email).id
        second_factor.reset(session, None, user_id, shared.clock())
        return user_id

    with handle_errors():
        shared.database.write(reset)
    click.echo(f"{email} signs in with the password alone.")


def _find(session: Session, email: str) -> User:
    user = find_user(session, email)
    if user is None:
        raise UserNotFound
    return user


def _print_link(endpoint: str, token: str, lifetime: str, *, is_replacing: bool) -> None:
    settings = services().settings
    base = settings.public_url or f"http://localhost:{settings.port}"
    path = current_app.url_map.bind("localhost").build(endpoint, {"token": token})
    click.echo(f"{base}{path}")
    click.echo(f"It works once, for {lifetime}.")
    if is_replacing:
        click.echo("The earlier link no longer works.")
