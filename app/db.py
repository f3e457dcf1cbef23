"""Declarative base, column types, engine pragmas and the writer."""

import json
from typing import Annotated, Any, cast

from sqlalchemy import JSON, BigInteger, Engine, Integer, MetaData, Table, create_engine, event
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry

# SQLite only gives a row id to INTEGER PRIMARY KEY; PostgreSQL wants 64 bits for rows that never stop.
BigId = BigInteger().with_variant(Integer(), "sqlite")

pk = Annotated[int, mapped_column(BigId, primary_key=True)]
# A moment: milliseconds since 1970-01-01T00:00Z. Exact, comparable and the same in both databases.
millis = Annotated[int, mapped_column(BigInteger)]
document = Annotated[dict[str, Any], mapped_column(JSON)]


class Base(DeclarativeBase):
    """Parent of every table; names every constraint so that migrations can find it."""

    # Given as a registry: Flask-SQLAlchemy copies this class, and a copied type map would be refused.
    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(column_0_N_label)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        # Ids and moments need 64 bits on PostgreSQL too.
        type_annotation_map={int: BigId},
    )


def table_of(model: type[Base]) -> Table:
    """Return a model's table, for statements that skip the ORM."""
    return cast("Table", model.__table__)


# Made once: `json.dumps` with separators builds an encoder for every call.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def to_json(value: Any) -> str:
    """Serialise compactly and in ASCII: NUL and lone surrogates in a payload stay storable."""
    return _encode(value)


def storable(text: str) -> str:
    """Replace what a text column cannot hold: NUL (PostgreSQL) and lone surrogates (UTF-8)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if text else text


def engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine` that this database needs."""
    if url.startswith("sqlite"):
        return {"json_serializer": to_json, "pool_size": 24, "max_overflow": 300}
    return {
        "json_serializer": to_json,
        "pool_pre_ping": True,
        "pool_size": 16,
        "max_overflow": 32,
        # Our statements are short; compiling one costs more than running it a thousand times.
        "connect_args": {"options": "-c jit=off"},
    }


def prepare_engine(engine: Engine) -> Engine:
    """Set SQLite's pragmas on each connection and leave transactions to us (specs: durability 2.5)."""
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


def make_engine(url: str) -> Engine:
    """Open an engine on `url` with everything this product expects of it."""
    return prepare_engine(create_engine(url, **engine_options(url)))
