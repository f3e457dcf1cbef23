"""Exit of commands: domain errors as one line on standard error, exit code 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.signals import DomainError


@contextmanager
def handle_errors() -> Iterator[None]:
    """Turn domain errors into errors of the command."""
    try:
        yield
    except DomainError as error:
        raise click.ClickException(_describe(error)) from error
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(
            f"The database does not answer as expected ({type(error.orig).__name__}: {error.orig}). Check "
            "DATABASE_URL, then run: flask --app wsgi db upgrade"
        ) from error


def _describe(error: DomainError) -> str:
    """Return the words of an error; each field that is wrong on a line of its own, behind its name."""
    fields = getattr(error, "fields", None)
    if not fields:
        return str(error)
    lines = [f"  {name.removeprefix('option_')}: {problem}" for name, problem in fields.items()]
    return "\n".join(["Some fields need another look:", *lines])
