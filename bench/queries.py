"""Pages measured: `python -m bench.queries --messages 1000000` prints Markdown.

The messages of a year are made, indexed and counted; then every query of the inbox, the failure desk, the trace and the
analytics is timed on both databases, after a first run that warms what the database keeps in memory.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.orm import Session

from app.analytics import reports
from app.analytics.models import Rollup
from app.analytics.rebuild import RollupRebuild
from app.analytics.reports import Scope
from app.analytics.time_ranges import build_range
from app.analytics.triggers import SOURCES, build_triggers
from app.bot import full_text
from app.bot.chats import export, finder, listing, thread
from app.bot.chats.listing import ChatQuery
from app.bot.chats.search import search
from app.bot.explain import timeline
from app.bot.failures import queries
from app.bot.health import dashboard
from app.bot.models import Message
from app.clock import DAY_MS, HOUR_MS
from app.db.engine import make_engine
from app.db.schema import Base, get_table
from app.db.writer import Database
from bench.counting import uncounted
from bench.history_rows import BRAINS, CONNECTIONS, WORDS, History, label, word
from bench.processes import unwind_on_sigterm
from bench.report import NOTE, machine
from bench.services import postgres, start_service

NOW = 1_790_000_000_000
ZONES = ("Africa/Accra", "Europe/Berlin", "Asia/Kolkata")
TIMES = 40
RANGES = {
    "hour": HOUR_MS,
    "day": DAY_MS,
    "30 days": 30 * DAY_MS,
    "92 days": 92 * DAY_MS,
    "year": 365 * DAY_MS,
}
SCOPES = {
    "everything": Scope(),
    "a connection": Scope(connection_id=CONNECTIONS),
    "a command": Scope(brain_id=BRAINS, command_id="c_3"),
}

Query = Callable[[Session], object]
Named = tuple[str, list[Query]]


def of_analytics() -> Iterator[Named]:
    """Name every query of the analytics, each in three zones."""
    for length, ms in RANGES.items():
        ranges = [build_range(NOW - ms, NOW, zone, NOW) for zone in ZONES]
        for whose, scope in SCOPES.items():
            yield (
                f"analytics: {length}, {whose}",
                [lambda s, r=r, of=scope: reports.build_report(s, r, of) for r in ranges],
            )
        yield (
            f"analytics: {length} before",
            [lambda s, r=r: reports.compute_total(s, r.get_previous()) for r in ranges],
        )
        yield (
            f"analytics: {length}, commands of a brain",
            [lambda s, r=r: reports.list_command_stats(s, r, Scope(brain_id=BRAINS)) for r in ranges],
        )
    yield "analytics: the present", [lambda s: reports.get_pipeline_status(s, NOW)]


def of_chats(people: int) -> Iterator[Named]:
    """Name every query of the list of chats."""
    wishes = {
        "all": ChatQuery(now=NOW),
        "a connection": ChatQuery(connection_id=2, now=NOW),
        "a brain": ChatQuery(brain_id=3, now=NOW),
        "a label": ChatQuery(label_id=1, now=NOW),
        **{
            state: ChatQuery(state=state, now=NOW)
            for state in ("unread", "paused", "answering", "open", "trouble")
        },
        "unread of a connection": ChatQuery(connection_id=2, state="unread", now=NOW),
    }
    for name, wish in wishes.items():
        yield f"chats: {name}", [lambda s, w=wish: listing.list_chats(s, w)]
    after = (NOW - 180 * DAY_MS, people // 2)
    yield "chats: a page far down", [lambda s: listing.list_chats(s, ChatQuery(after=after, now=NOW))]
    yield "chats: counts", [listing.count_by_state]
    yield "dashboard", [lambda s: (dashboard.load_stats(s, NOW), dashboard.list_recent_messages(s))]


def of_search(people: int) -> Iterator[Named]:
    """Name searches for words of all kinds."""
    asked = {
        "the commonest word": [word(0)],
        "a frequent word": [word(rank) for rank in (10, 20, 40)],
        "a rare word": [word(rank) for rank in (WORDS - 1, WORDS - 7, WORDS // 2)],
        "two words": [f"{word(3)} {word(200)}", f"{word(50)} {word(2000)}"],
        "two rare words": [f"{word(9000)} {word(15000)}"],
        "the beginning of a word": ["ba", "shi", "wat"],
        "a phrase": [f'"{word(1)} {word(0)}"', f'"{word(12)} {word(5)}"'],
        "a phone number": [f"4915{n:08}" for n in (7, people // 2, people)],
        "the end of a phone number": [f"{people // 3:06}"],
        "nothing of the kind": ["qqqxyz"],
        "an emoji": ["\N{PARTY POPPER}"],
    }
    for name, words in asked.items():
        yield f"search: {name}", [lambda s, w=w: search(s, ChatQuery(search=w, now=NOW)) for w in words]
        yield f"palette: {name}", [lambda s, w=w: finder.find_chats(s, w, 5) for w in words]
    narrow = [
        ChatQuery(search=word(40), connection_id=2, now=NOW),
        ChatQuery(search=word(40), label_id=1, now=NOW),
    ]
    yield "search: a frequent word, narrowed", [lambda s, w=w: search(s, w) for w in narrow]


def of_messages(db: Connection) -> Iterator[Named]:
    """Name the queries of threads, traces and the failure desk."""
    chance = random.Random(2)
    table = get_table(Message)
    newest = db.scalar(select(func.max(table.c.id))) or 1
    picked = [chance.randint(1, newest) for _ in range(20)]
    hits = [
        tuple(row) for row in db.execute(select(table.c.chat_id, table.c.id).where(table.c.id.in_(picked)))
    ]
    busiest = db.scalar(text("SELECT chat_id FROM message GROUP BY chat_id ORDER BY count(*) DESC LIMIT 1"))
    yield "thread: newest", [lambda s, c=chat: thread.load_thread(s, c) for chat, _ in hits]
    yield "thread: the busiest chat", [lambda s: thread.load_thread(s, busiest)]
    yield (
        "thread: around a hit",
        [lambda s, c=chat, m=m: thread.load_thread_around(s, c, m) for chat, m in hits],
    )
    yield "trace", [lambda s, m=m: timeline.build_timeline(s, m) for _, m in hits]
    yield "export: first rows", [lambda s, c=chat: next(export.read_rows(s, c), None) for chat, _ in hits]
    yield "desk: waiting", [queries.count_open]
    for name, wish in {
        "all": queries.FailureFilter(),
        "a connection": queries.FailureFilter(connection_id=2),
        "a brain": queries.FailureFilter(brain_id=3),
        "a week": queries.FailureFilter(since=NOW - 7 * DAY_MS),
    }.items():
        yield f"desk: groups, {name}", [lambda s, w=wish: queries.list_groups(s, w)]
        yield f"desk: a page, {name}", [lambda s, w=wish: _page(s, w)]


def _page(session: Session, wish: queries.FailureFilter) -> object:
    groups = queries.list_groups(session, wish)
    return groups and queries.load_page(session, wish, groups[0], groups[0].newest)


def p95(engine: Engine, variants: Sequence[Query]) -> float:
    """Return the 95th percentile (ms) of a query's variants, run in turn."""
    took = []
    for n in range(-len(variants), TIMES):
        with Session(engine) as session:
            began = time.perf_counter()
            variants[n % len(variants)](session)
            if n >= 0:
                took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[int(0.95 * len(took))]


@contextmanager
def databases(folder: Path, only: str) -> Iterator[dict[str, str]]:
    """Give the addresses of an empty database of each kind."""
    sqlite = {"SQLite": f"sqlite:///{folder / 'bench.db'}"}
    if only == "sqlite":
        yield sqlite
        return
    part, url = postgres(folder)
    try:
        start_service(part, url)
        found = {"PostgreSQL": url.replace("postgresql://", "postgresql+psycopg://")}
        yield found if only else sqlite | found
    finally:
        part.kill()


def build(
    url: str, folder: Path, messages: int, *, counted: bool = True
) -> tuple[Engine, Database, dict[str, str]]:
    """Store, index and count the messages; how long each of it took."""
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    database, history = Database(engine, folder), History(messages, NOW)
    cells: dict[str, str] = {}
    with engine.connect().execution_options(writer=True) as db:
        # Indexes and triggers are made when the rows are there: it takes a tenth of the time.
        uncounted(db)
        full_text.drop_index(db)
        indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
        for index in indexes:
            index.drop(db)
        history.fill(db)
        label(db, history.people)
        for index in indexes:
            index.create(db)
        db.commit()
        began = time.perf_counter()
        full_text.create_index(db)
        for statement in chain.from_iterable(
            build_triggers(source, engine.dialect.name) for source in SOURCES
        ):
            db.exec_driver_sql(statement)
        db.commit()
        cells["the index of words made: s"] = f"{time.perf_counter() - began:.0f}"
    if counted:
        began = time.perf_counter()
        days = sum(1 for _ in RollupRebuild(database, NOW).rebuild())
        cells[f"{days:,} days counted again: s"] = f"{time.perf_counter() - began:.0f}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", writer=True) as db:
        db.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")
    return engine, database, cells


def measure(url: str, folder: Path, messages: int, *, counted: bool) -> dict[str, str]:
    """Build the rows and time every query."""
    engine, database, cells = build(url, folder, messages, counted=counted)
    people = History(messages, NOW).people
    with engine.connect() as db:
        cells["rows of numbers"] = f"{db.scalar(select(func.count()).select_from(Rollup)):,}"
        cells["database, MB"] = _megabytes(db)
        named = [
            *of_chats(people),
            *of_search(people),
            *of_messages(db),
            *(of_analytics() if counted else ()),
        ]
    cells |= {f"{name}: ms": f"{p95(engine, variants):.1f}" for name, variants in named}
    database.writer.close()
    engine.dispose()
    return cells


def _megabytes(db: Connection) -> str:
    size = {
        "postgresql": "SELECT pg_database_size(current_database())",
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    }
    return f"{(db.scalar(text(size[db.dialect.name])) or 0) / 1e6:,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.queries", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgres"), default="")
    parser.add_argument(
        "--uncounted", action="store_true", help="without the analytics, whose counting takes longest"
    )
    args = parser.parse_args()
    unwind_on_sigterm()
    folder = Path(tempfile.mkdtemp(prefix="brainbox-queries-"))
    folder.chmod(0o711)
    try:
        with databases(folder, args.only) as urls:
            results = {
                kind: measure(url, folder, args.messages, counted=not args.uncounted)
                for kind, url in urls.items()
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{args.messages:,} messages; p95 of {TIMES} runs.\n")
    print(f"| | {' | '.join(results)} |\n|---|{'---|' * len(results)}")
    for name in dict.fromkeys(chain.from_iterable(results.values())):
        print(f"| {name} | {' | '.join(cells.get(name, '') for cells in results.values())} |")
    print(f"\n{machine()}.\n{NOTE}")


if __name__ == "__main__":
    main()
