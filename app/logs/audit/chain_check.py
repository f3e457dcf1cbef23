"""Check of the whole chain in a thread of its own: progress, findings, and the entry that tells of it."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from app.db.actor import Actor, get_actor
from app.db.writer import Database
from app.logs.audit import record
from app.logs.audit.auditor import Auditor
from app.logs.audit.models import AuditEntry
from app.logs.audit.reading import AuditFilter, count_entries
from app.logs.audit.stored_values import Unreadable

log = structlog.get_logger(__name__)

# The action of the entry that a check leaves.
CHECKED: Final = "audit checked"
# So many findings are kept for a page; a chain of which every entry is wrong has as many as entries.
MAX_FINDINGS: Final = 200


@dataclass(slots=True)
class ChainCheck:
    """A check: how far it is and what it has found; read by other threads while it runs. Moments in ms."""

    actor_name: str
    started_at: int
    total: int = 0
    done: int = 0
    findings: Sequence[str] = ()
    finding_count: int = 0
    ended_at: int = 0
    future: "Future[None] | None" = field(default=None, repr=False)

    @property
    def state(self) -> str:
        """Return running, done or failed."""
        if self.future is None or not self.future.done():
            return "running"
        return "failed" if self.future.exception() else "done"


class ChainChecks:
    """Starts checks, one at a time, and keeps the last; `clock` in ms."""

    def __init__(self, database: Database, auditor: Auditor, clock: Callable[[], int]) -> None:
        self._database = database
        self._auditor = auditor
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, "audit-check")
        self._lock = threading.Lock()
        self.latest: ChainCheck | None = None

    def start(self) -> ChainCheck:
        """Begin a check for who acts in this thread; one that runs goes on."""
        actor = get_actor()
        with self._lock:
            if self.latest and self.latest.state == "running":
                return self.latest
            check = self.latest = ChainCheck(actor.name, self._clock())
            check.future = self._threads.submit(self.run, check, actor)
        check.future.add_done_callback(_log_failure)
        return check

    def run(self, check: ChainCheck, actor: Actor) -> None:
        """Check the chain to its end, and leave an entry that tells of it."""
        with self._database.read() as session:
            check.total = count_entries(session, AuditFilter())
        found = self._auditor.verify(lambda done: setattr(check, "done", done))
        check.findings, check.finding_count = [each.text for each in found[:MAX_FINDINGS]], len(found)
        check.ended_at = self._clock()
        result = {
            "entries": check.done,
            "findings": check.finding_count,
            "first_finding": check.findings[0] if found else "",
        }
        about = ("audit", "", "")
        self._database.write(lambda session: record(session, CHECKED, about, (None, result), actor))

    def close(self) -> None:
        """Wait for no check that runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def read_result(entry: AuditEntry) -> tuple[int, int, str]:
    """Return how many entries a check went through, how many findings it had, and the first of them."""
    changes = [] if isinstance(entry.changes, Unreadable) else entry.changes
    result: dict[str, Any] = (changes[0].get("after") if changes else None) or {}
    counts = [count if type(count) is int else 0 for count in (result.get("entries"), result.get("findings"))]
    return counts[0], counts[1], str(result.get("first_finding", ""))


def _log_failure(done: "Future[None]") -> None:
    error = None if done.cancelled() else done.exception()
    if error:
        log.error("audit not checked", exc_info=error)
