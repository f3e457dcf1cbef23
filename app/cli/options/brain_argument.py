"""Arguments of commands that name a brain: a short name or a YAML file."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from app.brains.document import yaml_format
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.services import services

_ENDINGS = (".yaml", ".yml")


def read_document(name: str) -> dict[str, Any]:
    """Return the draft of the brain SLUG, or the document in FILE; raises InvalidImport, ClickException."""
    path = Path(name)
    if path.is_file():
        return yaml_format.read_file(path)
    if name.endswith(_ENDINGS) or len(path.parts) > 1:
        raise click.ClickException(f"There is no file {name}.")
    with services().database.read() as session:
        return dict(require_brain(session, name).draft)


def require_brain(session: Session, slug: str) -> Brain:
    """Return the brain of a command's argument; raises ClickException when there is none."""
    found = store.find_brain(session, slug)
    if found is None:
        raise click.ClickException(f"There is no brain “{slug}”. See: flask --app wsgi brain list")
    return found
