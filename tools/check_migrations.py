"""Fail when the migrations and the models differ, or when there is more than one head."""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> int:
    """Migrate an empty database and compare it with the models; exit code 1 when they differ."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BRAINBOX_DATA": folder, "DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "warning"}
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext
        from alembic.script import ScriptDirectory
        from flask_migrate import upgrade

        from app import create_app
        from app.bot import full_text
        from app.db.schema import Base
        from app.settings import ROOT
        from app.web import init_migrations

        heads = ScriptDirectory(str(ROOT / "migrations")).get_heads()
        if len(heads) != 1:
            print(f"migrations: {len(heads)} heads ({', '.join(heads)}); there must be one")
            return 1
        app = create_app()
        init_migrations(app)
        with app.app_context():
            upgrade()
            with app.extensions["services"].database.engine.connect() as connection:
                opts = {"compare_type": True, "include_name": full_text.include_name}
                context = MigrationContext.configure(connection, opts=opts)
                drift = compare_metadata(context, Base.metadata)
    for change in drift:
        print(f"migrations: not migrated: {change}")
    print(f"migrations: one head, {len(drift)} differences")
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main())
