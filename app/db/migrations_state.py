"""State of the migrations: applied and wanted heads."""

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.settings import ROOT


def read_applied_heads(db: Connection) -> set[str]:
    """Return the newest migrations a database has; empty for one that was never migrated."""
    return set(MigrationContext.configure(db).get_current_heads())


def list_wanted_heads() -> set[str]:
    """Return the newest migrations the code has."""
    return set(ScriptDirectory(str(ROOT / "migrations")).get_heads())
