"""All tables in an empty database, quickly: what SQLAlchemy says the first time is sent in one go the next."""

from sqlalchemy import Engine, event

import app.tables  # noqa: F401  every table registers itself when it is imported
from app.db.schema import Base

_SPOKEN: dict[str, list[str]] = {}


def create_tables(engine: Engine) -> None:
    """Create every table, index and trigger in an empty database."""
    known = _SPOKEN.get(engine.dialect.name)
    if known is None:
        _SPOKEN[engine.dialect.name] = _create_and_listen(engine)
        return
    script = ";\n".join(("BEGIN", *known, "COMMIT"))
    raw = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            raw.driver_connection.executescript(script)
        else:
            raw.driver_connection.execute(";\n".join(known))
            raw.commit()
    finally:
        raw.close()


def _create_and_listen(engine: Engine) -> list[str]:
    statements: list[str] = []

    def listen(_db: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(("CREATE", "INSERT", "ALTER")):
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    Base.metadata.create_all(engine)
    event.remove(engine, "before_cursor_execute", listen)
    return statements
