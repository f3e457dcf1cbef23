"""The ledger of tokens: every call is written down, and each month is summed up for the budgets."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.brains.ai.models import AiCall, AiMonth
from app.brains.capabilities.ai import AiRecord
from app.writer import Database

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Used:
    """What a brain has used in a month."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def tokens(self) -> int:
        """All tokens, asked and answered: what the budget counts."""
        return self.tokens_in + self.tokens_out


def month_of(now: int) -> str:
    """Name the month of a moment (ms) in UTC, such as 2026-01."""
    return datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m")


def used(session: Session, brain_id: int, now: int) -> Used:
    """Return what a brain has used in the month of `now` (ms)."""
    row = session.get(AiMonth, (brain_id, month_of(now)))
    return Used(row.calls, row.tokens_in, row.tokens_out) if row else Used()


def latest_calls(session: Session, brain_id: int, prompt: str) -> list[AiCall]:
    """Return the last calls of one prompt, the newest first, at most 20."""
    query = select(AiCall).where(AiCall.brain_id == brain_id, AiCall.prompt == prompt)
    return list(session.scalars(query.order_by(AiCall.id.desc()).limit(SHOWN)))


class Ledger:
    """Reads and writes the ledger in the installation's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent(self, brain_id: int, now: int) -> int:
        """Return how many tokens a brain has used in the month of `now` (ms)."""
        with self._database.read() as session:
            return used(session, brain_id, now).tokens

    def note(self, record: AiRecord) -> None:
        """Write down a call and wait until it is stored."""
        self._database.writer.run(lambda db: _note(db, record))


def _note(db: Connection, record: AiRecord) -> None:
    db.execute(insert(AiCall).values(**asdict(record)))
    month = {
        "brain_id": record.brain_id,
        "month": month_of(record.created_at),
        "calls": 1,
        "tokens_in": record.tokens_in,
        "tokens_out": record.tokens_out,
    }
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    query = dialect.insert(AiMonth).values(month)
    sums = {name: getattr(AiMonth, name) + month[name] for name in ("calls", "tokens_in", "tokens_out")}
    db.execute(query.on_conflict_do_update(index_elements=["brain_id", "month"], set_=sums))
