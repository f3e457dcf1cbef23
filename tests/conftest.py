"""Shared fixtures: settings in a folder of their own, real databases, a clock that stands still."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import NullPool, create_engine, text

import app.lean_imports
import app.tables  # noqa: F401  every table registers itself when it is imported
from app import create_app
from app.db.engine import make_engine
from app.db.writer import Database
from app.logs import configure_logs
from app.settings import Settings
from bench.fake_ai import FakeAi, running
from bench.processes import StartError
from bench.services import postgres, start_service
from tests.tables import create_tables

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
_names = count()


def pytest_configure(config: pytest.Config) -> None:
    """Compile each template once, not once for every application of a test; configure logs before any line."""
    folder = config.cache.mkdir("templates")
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": FileSystemBytecodeCache(str(folder))}
    # As Python sets it: what a test leaves open is then found near that test.
    gc.set_threshold(700, 10, 10)
    # A logger keeps the configuration of its first line: whichever test of a process comes first.
    configure_logs(
        Settings(secret_key="a secret key for tests", database_url="", redis_url="", log_level="warning")
    )


def skip_or_fail(part: str) -> None:
    """Skip with a reason, or fail where continuous integration promises real parts."""
    if os.environ.get("CI"):
        pytest.fail(f"{part} is missing: tools/test-parts.sh should have installed it")
    pytest.skip(f"{part} is not installed; see tools/test-parts.sh")


class Clock:
    """Milliseconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_780_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        brainbox_data=tmp_path,
        secret_key="a secret key for tests",
        database_url="",
        redis_url="",
        log_level="warning",
    )


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start one real PostgreSQL for the run; each test gets a database of its own in it."""
    if not shutil.which("psql"):
        skip_or_fail("PostgreSQL")
    # Not below pytest's own folder: each run closes that to other users, such as the one PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="brainbox-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            part, url = postgres(folder, durable=False)
            start_service(part, url)
        except (StartError, FileNotFoundError) as error:
            skip_or_fail(f"PostgreSQL ({error})")
        yield url.replace("postgresql://", "postgresql+psycopg://")
        part.kill()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database: the same tests run on both kinds."""
    with new_database(request, tmp_path, request.param) as address:
        yield address


@contextmanager
def new_database(request: pytest.FixtureRequest, folder: Path, kind: str) -> Iterator[str]:
    """Create an empty database, SQLite's in a folder; yields its address."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'test.db'}"
        return
    server = request.getfixturevalue("postgres_url")
    name = f"t{next(_names)}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.rsplit("/", 1)[0] + f"/{name}"
    # Thousands of them would fill the disk.
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """A database with all tables."""
    engine = make_engine(database_url)
    create_tables(engine)
    made = Database(engine, tmp_path)
    yield made
    made.writer.close()
    engine.dispose()


@pytest.fixture
def installation(database_url: str, settings: Settings) -> Iterator[Flask]:
    """The whole application on an empty database, without a worker."""
    app = create_app(settings.model_copy(update={"database_url": database_url}))
    services = app.extensions["services"]
    create_tables(services.database.engine)
    yield app
    services.database.writer.close()
    app.extensions["services"].close()
    services.database.engine.dispose()


@pytest.fixture
def fake_ai() -> Iterator[FakeAi]:
    """A provider of language models that answers only who has its key."""
    with running(key="sk-never-to-be-seen-0123456789") as server:
        yield server
