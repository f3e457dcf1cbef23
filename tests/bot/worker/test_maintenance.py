"""Maintenance: due jobs run, in one look; what is wrong with one job holds up no other."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, select

import app
from app.analytics import jobs as analytics_jobs
from app.bot.media import jobs as media_jobs
from app.bot.models import Counter
from app.bot.release import jobs as release_jobs
from app.bot.worker import jobs as pipeline_jobs
from app.bot.worker.maintenance import FAILURE_PAUSE_MS, Maintenance
from app.db.maintenance_job import (
    FIRST_RUN_DELAY_MS,
    JobContext,
    MaintenanceJob,
    build_due_condition,
    find_jobs,
)
from app.db.writer import Database
from app.privacy import jobs as privacy_jobs
from app.settings import ROOT
from tests.conftest import Clock

SWEEP_MS = 500
SCRATCH_JOB = """
from sqlalchemy import select
from app.bot.models import Counter
from app.db.maintenance_job import JobContext, MaintenanceJob


def _run(context: JobContext) -> None:
    def count(session):
        session.get_one(Counter, "scratch").n += 1_000
    context.database.write(count)


JOB = MaintenanceJob(
    name="scratch", run=_run, due=select(Counter.n).where(Counter.name == "scratch").scalar_subquery()
)
"""


def build_maintenance(database: Database, clock: Clock, *jobs: MaintenanceJob) -> Maintenance:
    return Maintenance(database, jobs, clock, SWEEP_MS)


def build_job(name: str, run: Callable[[JobContext], Any], **more: Any) -> MaintenanceJob:
    return MaintenanceJob(name=name, run=run, **more)


def build_true_condition() -> Any:
    return build_due_condition(func.length("x") == 1)


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*args: Any) -> None:
        seen.append(args[2])

    engine: Engine = database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_job_is_one_new_file(database: Database, clock: Clock, tmp_path: Path, monkeypatch: Any):
    """A scratch job in a folder of jobs is found, asked for and run: no other file knows it."""
    folder = tmp_path / "scratch_jobs"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "scratch.py").write_text(SCRATCH_JOB)
    monkeypatch.syspath_prepend(str(tmp_path))
    import scratch_jobs  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  made above

    database.write(lambda session: session.add(Counter(name="scratch", n=clock())))
    maintenance = build_maintenance(database, clock, *find_jobs(scratch_jobs))
    maintenance.run_due()
    with database.read() as session:
        assert session.get_one(Counter, "scratch").n == clock() + 1_000
    # What it waits for now is known: it is looked at then, and not before.
    clock.now += 999
    maintenance.run_due()
    with database.read() as session:
        assert session.get_one(Counter, "scratch").n == clock() + 1
    monkeypatch.delitem(sys.modules, "scratch_jobs")
    monkeypatch.delitem(sys.modules, "scratch_jobs.scratch")


SCRATCH_FACTORY = """
from app.db.maintenance_job import MaintenanceJob
from app.files import FileStore


def build_job(resources):
    files = resources.get(FileStore)
    return MaintenanceJob(name="scratch", run=lambda context: print(files, context.now))
"""


@pytest.fixture
def drop_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put one file into a new `jobs` package somewhere under `app`."""

    def drop(source: str) -> None:
        folder = tmp_path / "extension" / "jobs"
        folder.mkdir(parents=True)
        for package in (folder.parent, folder):
            (package / "__init__.py").write_text("")
        (folder / "scratch.py").write_text(source)
        monkeypatch.setattr(app, "__path__", [*app.__path__, str(tmp_path)])

    yield drop
    for name in [each for each in sys.modules if each.startswith("app.extension")]:
        del sys.modules[name]


def test_every_jobs_package_of_the_application_is_found(installation: Flask):
    built = {each.name for each in installation.extensions["services"].build_jobs()}
    written = [each for each in (ROOT / "app").rglob("jobs/*.py") if each.name != "__init__.py"]
    assert len(built) == len(written)
    assert {"send_alerts", "fold_rollups", "shadow", "fetcher", "eraser"} <= built
    for package in (media_jobs, privacy_jobs, release_jobs):
        with pytest.raises(LookupError, match="no build_job that could make one here"):
            list(find_jobs(package))


@pytest.mark.parametrize("source", [SCRATCH_JOB, SCRATCH_FACTORY])
def test_one_new_file_in_any_jobs_folder_is_a_job(drop_job, installation: Flask, source: str):
    services = installation.extensions["services"]
    before = {each.name for each in services.build_jobs()}
    drop_job(source)
    assert {each.name for each in services.build_jobs()} - before == {"scratch"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("jobs = 1", "has no JOB"),
        ("def build_job(resources):\n    return resources.get(dict)", "jobs are not given a dict"),
    ],
)
def test_a_file_that_makes_no_job_is_an_error_that_names_it(
    drop_job, installation: Flask, source: str, words: str
):
    drop_job(source)
    with pytest.raises(LookupError, match=words):
        installation.extensions["services"].build_jobs()


def test_every_job_has_a_name_of_its_own_and_runs_on_an_empty_database(database: Database, clock: Clock):
    jobs = [*find_jobs(pipeline_jobs), *find_jobs(analytics_jobs)]
    names = [each.name for each in jobs]
    assert len(names) == len(set(names)) >= 10
    for each in jobs:
        result = each.run(JobContext(database, clock()))
        if isinstance(result, Future):
            result.result(10)


def test_all_jobs_are_asked_for_in_one_statement(database: Database, clock: Clock, statements: list[str]):
    maintenance = build_maintenance(database, clock, *find_jobs(pipeline_jobs), *find_jobs(analytics_jobs))
    maintenance.run_due()
    assert len([each for each in statements if each.lstrip().upper().startswith("SELECT")]) == 1
    maintenance.run_due()
    assert len(statements) == 1, "nothing is asked before the next sweep"


def test_a_job_with_nothing_to_do_does_not_run(database: Database, clock: Clock):
    runs: list[str] = []
    never = select(Counter.n).where(Counter.name == "nobody").scalar_subquery()
    maintenance = build_maintenance(
        database, clock,
        build_job("idle", lambda _c: runs.append("idle"), due=never),
        build_job("busy", lambda _c: runs.append("busy"), due=build_true_condition()),
    )  # fmt: skip
    maintenance.run_due()
    assert runs == ["busy"]


def test_a_periodic_job_waits_after_the_start_and_between_runs_unless_there_is_more(
    database: Database, clock: Clock
):
    more = [True, False, False]
    runs: list[int] = []

    def run(context: JobContext) -> bool:
        runs.append(context.now)
        return more.pop(0)

    maintenance = build_maintenance(database, clock, build_job("hourly", run))
    begin = clock()
    for step in (0, FIRST_RUN_DELAY_MS, SWEEP_MS, SWEEP_MS, 3_600_000):
        clock.now += step
        maintenance.run_due()
    first = begin + FIRST_RUN_DELAY_MS
    assert runs == [first, first + SWEEP_MS, first + 2 * SWEEP_MS + 3_600_000]


def test_a_job_with_more_to_do_runs_again_after_its_pause(database: Database, clock: Clock):
    maintenance = build_maintenance(
        database, clock, build_job("batches", lambda _c: True, due=build_true_condition(), pause_ms=100)
    )
    maintenance.run_due()
    assert maintenance.wait_ms == 100


def test_a_job_that_fails_holds_up_no_other_and_rests(database: Database, clock: Clock):
    runs: list[str] = []
    errors: list[Exception] = []

    def fail(_context: JobContext) -> None:
        runs.append("fails")
        raise ValueError("wrong")

    maintenance = build_maintenance(
        database, clock,
        build_job("fails", fail, due=build_true_condition(), on_error=errors.append),
        build_job("works", lambda _c: runs.append("works"), due=build_true_condition()),
    )  # fmt: skip
    maintenance.run_due()
    assert runs == ["fails", "works"]
    assert [str(each) for each in errors] == ["wrong"]
    clock.now += SWEEP_MS
    maintenance.run_due()
    assert runs == ["fails", "works", "works"]
    clock.now += FAILURE_PAUSE_MS
    maintenance.run_due()
    assert runs.count("fails") == 2


def test_a_job_that_fails_after_it_was_begun_is_reported_and_rests(database: Database, clock: Clock):
    runs: list[Future[None]] = []
    errors: list[Exception] = []

    def run(_context: JobContext) -> Future[None]:
        runs.append(Future())
        return runs[-1]

    job = build_job("folds", run, due=build_true_condition(), pause_ms=SWEEP_MS, on_error=errors.append)
    maintenance = build_maintenance(database, clock, job)
    maintenance.run_due()
    runs[0].set_exception(ValueError("wrong"))
    assert [str(each) for each in errors] == ["wrong"]
    clock.now += 2 * SWEEP_MS
    maintenance.run_due()
    assert len(runs) == 1
    clock.now += FAILURE_PAUSE_MS
    maintenance.run_due()
    assert len(runs) == 2


def test_a_job_under_way_is_not_begun_again(database: Database, clock: Clock):
    running: Future[None] = Future()
    runs: list[int] = []

    def run(context: JobContext) -> Future[None]:
        runs.append(context.now)
        return running

    maintenance = build_maintenance(database, clock, build_job("slow", run, due=build_true_condition()))
    for _ in range(2):
        maintenance.run_due()
        clock.now += SWEEP_MS
    assert len(runs) == 1
    running.set_result(None)
    maintenance.run_due()
    assert len(runs) == 2


def test_a_job_that_goes_on_by_itself_is_begun_again_only_after_its_pause(database: Database, clock: Clock):
    runs: list[int] = []

    def run(context: JobContext) -> Future[None]:
        runs.append(context.now)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    begin = clock.now
    job = build_job("folds", run, due=build_true_condition(), pause_ms=6 * SWEEP_MS)
    maintenance = build_maintenance(database, clock, job)
    for _ in range(13):
        maintenance.run_due()
        clock.now += SWEEP_MS
    assert [each - begin for each in runs] == [0, 6 * SWEEP_MS, 12 * SWEEP_MS]


def test_a_moment_that_becomes_known_is_looked_at(database: Database, clock: Clock):
    runs: list[int] = []
    maintenance = build_maintenance(
        database, clock, build_job("one", lambda c: runs.append(c.now), due=build_true_condition())
    )
    maintenance.run_due()
    maintenance.schedule_at(clock() + 10)
    assert maintenance.wait_ms == 10
    clock.now += 10
    maintenance.run_due()
    assert len(runs) == 2


def test_a_job_with_a_thread_of_its_own_runs_from_start_to_stop(database: Database, clock: Clock):
    ran = threading.Event()
    own = build_job("own", lambda _c: ran.set(), own_thread=True, interval_ms=10)
    maintenance = build_maintenance(database, clock, own)
    maintenance.run_due()
    assert not ran.is_set()
    maintenance.start()
    assert ran.wait(5)
    maintenance.stop(5)
    ran.clear()
    assert not ran.wait(0.1)
