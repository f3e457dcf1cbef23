"""Ledger of AI calls: each call stored, tokens summed by month for the budgets."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import Session

from app.brains.ai.contract import AiRecord
from app.brains.ai.models import AiCall, AiMonth
from app.db.statements import build_insert
from app.db.writer import Database
from app.immutable import immutable

LATEST_CALLS: Final = 20


@immutable
class MonthlyUsage:
    """Usage of a brain in one month."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def tokens(self) -> int:
        """Sum of input and output tokens, which the budget counts."""
        return self.tokens_in + self.tokens_out


def format_month(now: int) -> str:
    """Format the month of a time (ms) in UTC, such as 2026-01."""
    return datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m")


def read_month(session: Session, brain_id: int, now: int) -> MonthlyUsage:
    """Return the usage of a brain in the month of `now` (ms)."""
    row = session.get(AiMonth, (brain_id, format_month(now)))
    return MonthlyUsage(row.calls, row.tokens_in, row.tokens_out) if row else MonthlyUsage()


def list_latest_calls(session: Session, brain_id: int, prompt: str) -> list[AiCall]:
    """Return the latest calls of one prompt, newest first, at most 20."""
    query = select(AiCall).where(AiCall.brain_id == brain_id, AiCall.prompt == prompt)
    return list(session.scalars(query.order_by(AiCall.id.desc()).limit(LATEST_CALLS)))


class DatabaseUsageLedger:
    """Token ledger in the installation's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_used_tokens(self, brain_id: int, now: int) -> int:
        """Return how many tokens a brain has used in the month of `now` (ms)."""
        with self._database.read() as session:
            return read_month(session, brain_id, now).tokens

    def record_call(self, record: AiRecord) -> None:
        """Store a call and wait until it is committed."""
        self._database.writer.run(lambda db: _insert_call(db, record))


def _insert_call(db: Connection, record: AiRecord) -> None:
    db.execute(insert(AiCall).values(**asdict(record)))
    month = {
        "brain_id": record.brain_id,
        "month": format_month(record.created_at),
        "calls": 1,
        "tokens_in": record.tokens_in,
        "tokens_out": record.tokens_out,
    }
    query = build_insert(db, AiMonth).values(month)
    sums = {name: getattr(AiMonth, name) + month[name] for name in ("calls", "tokens_in", "tokens_out")}
    db.execute(query.on_conflict_do_update(index_elements=["brain_id", "month"], set_=sums))
