"""How commands end: domain errors as one line on standard error and exit code 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.signals import DomainError


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors the product explains into the command's error."""
    try:
        yield
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(
            f"The database does not answer as expected ({type(error.orig).__name__}: {error.orig}). Check "
            "DATABASE_URL, then run: flask --app wsgi db upgrade"
        ) from error
