"""State of the migrations: applied and wanted heads, read without Alembic, which takes memory no server needs."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from app.settings import ROOT

_FOLDER: Final = ROOT / "migrations" / "versions"
_NAMES: Final = re.compile(r"""^(revision|down_revision)\b[^=\n]*= ["'](\w+)["']""", re.MULTILINE)


def read_applied_heads(db: Connection) -> set[str]:
    """Return the newest migrations a database has; empty for one that was never migrated."""
    if not inspect(db).has_table("alembic_version"):
        return set()
    return set(db.scalars(text("SELECT version_num FROM alembic_version")))


@cache
def list_wanted_heads(folder: Path = _FOLDER) -> frozenset[str]:
    """Return the newest migrations the code has: those that no other follows."""
    names = [dict(_NAMES.findall(path.read_text())) for path in folder.glob("*.py")]
    followed = {each.get("down_revision") for each in names}
    return frozenset({each["revision"] for each in names} - followed)
