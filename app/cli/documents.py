"""Brains named on the command line: a short name, or a YAML file."""

from pathlib import Path
from typing import Any

import click

from app.brains import exchange, versions
from app.web import house

_ENDINGS = (".yaml", ".yml")


def read_document(name: str) -> dict[str, Any]:
    """Return the draft of the brain SLUG, or the document in FILE; raises ImportRefused, ClickException."""
    path = Path(name)
    if path.is_file():
        return dict(exchange.load(path.read_text(encoding="utf-8")))
    if name.endswith(_ENDINGS) or len(path.parts) > 1:
        raise click.ClickException(f"There is no file {name}.")
    with house().database.read() as session:
        there = versions.find_brain(session, name)
        if there is None:
            raise click.ClickException(f"There is no brain “{name}”. See: flask --app wsgi brain list")
        return dict(there.draft)
