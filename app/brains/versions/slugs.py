"""Short names (slugs) of brains, derived from their titles."""

import re
import unicodedata

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.brains.versions.models import Brain

_SLUG_CHARS = 60


def find_free_slug(session: Session, title: str) -> str:
    """Derive an unused short name from a title."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_title).strip("-")[: _SLUG_CHARS - 6].strip("-") or "brain"
    taken = set(session.scalars(select(Brain.slug).where(Brain.slug.startswith(stem, autoescape=True))))
    number = 1
    while (slug := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return slug
