"""Tables of the analytics: rollups, and the deltas that are not folded into them yet."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, Millis, pk

# Stands in a key for "whichever": the sum over all connections, brains and versions.
ANY = -1
# The same for commands.
ANY_COMMAND = "*"


class Rollup(Base):
    """Numbers of one time span and one connection, brain, version and command, or any of them.

    `counts` maps a metric, or `metric:label`, to a number; `times` a metric to {bucket: number} (app.analytics.rollup).
    """

    __tablename__ = "rollup"
    __table_args__ = (
        Index("ix_rollup_time", "span", "at"),
        # For all commands of a brain at once: by the key alone, all their days would be gone through.
        Index("ix_rollup_commands", "span", "connection_id", "brain_id", "version_id", "at"),
        {"sqlite_with_rowid": False},
    )

    # True: counted by rows that have been deleted since; a recount adds them to what it finds.
    gone: Mapped[bool] = mapped_column(primary_key=True)
    # Length in minutes: 1, 15, 1440 (a day of UTC) or 40320 (four weeks).
    span: Mapped[int] = mapped_column(primary_key=True)
    # 0 = none, such as a message an operator wrote has no brain.
    connection_id: Mapped[int] = mapped_column(primary_key=True)
    brain_id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(primary_key=True)
    command_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[Millis] = mapped_column(BigInteger, primary_key=True)
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    times: Mapped[dict[str, dict[str, int]]] = mapped_column(JSON)
    # Of a day: its quarter-hours by number, each [counts, times] (app.analytics.compaction).
    parts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class RollupDelta(Base):
    """Change of a number, written by the transaction that changed its row (app.analytics.triggers)."""

    __tablename__ = "rollup_delta"

    id: Mapped[pk]
    # When the message, run or call was created that is counted: its rates are rates of those created together.
    at: Mapped[Millis]
    gone: Mapped[bool]
    connection_id: Mapped[int]
    brain_id: Mapped[int]
    version_id: Mapped[int]
    command_id: Mapped[str] = mapped_column(String(40))
    metric: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(200))
    # ms (answers, calls) or microseconds (runs); null where nothing is timed.
    value: Mapped[int | None]
    n: Mapped[int] = mapped_column(BigInteger)
