"""Declarative base and column types of all tables."""

from typing import Annotated, Any, cast

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry

# SQLite only gives a row id to INTEGER PRIMARY KEY; PostgreSQL wants 64 bits for rows that never stop.
BigId = BigInteger().with_variant(Integer(), "sqlite")

pk = Annotated[int, mapped_column(BigId, primary_key=True)]
# A moment: milliseconds since 1970-01-01T00:00Z. Exact, comparable and the same in both databases.
Millis = Annotated[int, mapped_column(BigInteger)]
JsonObject = Annotated[dict[str, Any], mapped_column(JSON)]


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


def get_table(model: type[Base]) -> Table:
    """Return a model's table, for statements that skip the ORM."""
    return cast("Table", model.__table__)
