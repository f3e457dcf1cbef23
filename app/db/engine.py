"""Database engines: options and pragmas of SQLite and PostgreSQL, pool size."""

import re
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from app.text import to_json

# SQLSTATE class “data exception”: its messages quote the data.
_DATA_ERRORS: Final = "22"
_QUOTED: Final = re.compile(r'".*"', re.DOTALL)


def build_engine_options(url: str) -> dict[str, Any]:
    """Return the options for `create_engine` that this database needs."""
    # Parameters hold message texts and secrets, and errors are logged.
    common = {"json_serializer": to_json, "hide_parameters": True}
    if url.startswith("sqlite"):
        return {**common, "pool_size": 24, "max_overflow": 300}
    return {
        **common,
        "pool_pre_ping": True,
        "pool_size": 16,
        "max_overflow": 32,
        # Our statements are short; compiling one costs more than running it a thousand times.
        "connect_args": {"options": "-c jit=off"},
    }


def prepare_engine(engine: Engine) -> Engine:
    """Set SQLite's pragmas on each connection and leave transactions to us (specs: durability 2.5)."""
    event.listen(engine, "handle_error", _hide_values)
    if engine.dialect.name != "sqlite":
        return engine

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "busy_timeout=30000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            # What undoes half of a statement over many rows is kept in memory, not in a file made for it.
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A deferred transaction that turns into a writer may fail at once, whatever the time-out says.
        mode = "IMMEDIATE" if connection.get_execution_options().get("writer") else "DEFERRED"
        # On the driver: SQLAlchemy's own way costs 100 us, at every commit.
        connection.connection.dbapi_connection.execute(f"BEGIN {mode}")

    return engine


def remove_values(error: BaseException) -> None:
    """Cut a PostgreSQL error down to what holds no value of a row: its first line, quotations taken out of it.

    Details (“Failing row contains …”) and messages about unusable data quote texts of people, and are logged.
    """
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if primary is None:
        return
    is_about_data = str(getattr(error, "sqlstate", "")).startswith(_DATA_ERRORS)
    error.args = (_QUOTED.sub('"…"', primary) if is_about_data else primary,)


def _hide_values(context: ExceptionContext) -> None:
    shown, cause = context.sqlalchemy_exception, context.original_exception
    remove_values(cause)
    if shown is not None:
        # SQLAlchemy has copied the text by now.
        name = f"{type(cause).__module__}.{type(cause).__name__}"
        shown.args = (f"({name}) {cause}", *shown.args[1:])


def make_engine(url: str, **options: Any) -> Engine:
    """Open an engine on `url` with everything this product expects of it; `options` are for `create_engine`."""
    return prepare_engine(create_engine(url, **{**build_engine_options(url), **options}))
