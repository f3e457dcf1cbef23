"""Whether the database is at the newest migration: exit code 0 or 1, without loading the application."""

import sys
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.db.migrations_state import list_wanted_heads, read_applied_heads
from app.settings import Settings


def main() -> int:
    """Compare the heads; what goes wrong is left to the migration, which says it better."""
    try:
        settings = Settings()
    except ValidationError:
        return 1
    if settings.sqlite_path and not settings.sqlite_path.exists():
        return 1
    try:
        with create_engine(settings.database_url).connect() as db:
            return 0 if read_applied_heads(db) == list_wanted_heads() else 1
    except SQLAlchemyError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
