"""An audited database, and a chain of entries on it."""

from pathlib import Path

import pytest

from app.bot.chats import labels
from app.db.actor import Actor, ActorKind, bind_actor
from app.db.writer import Database
from app.logs.audit.anchor import AnchorFile
from app.logs.audit.auditor import Auditor, attach_auditor
from app.logs.audit.chain import KeyRing
from app.logs.audit.models import AuditEntry
from app.logs.audit.reading import AuditFilter, list_entries
from app.settings import Settings
from app.vault import Vault
from tests.conftest import Clock

OWNER = Actor(ActorKind.PERSON, 7, "owner@example.org", "203.0.113.9", "r-1")


@pytest.fixture
def keys(settings: Settings, clock: Clock) -> KeyRing:
    return KeyRing(Vault(settings), clock)


@pytest.fixture
def anchor(tmp_path: Path) -> AnchorFile:
    return AnchorFile(tmp_path)


@pytest.fixture
def auditor(database: Database, settings: Settings, tmp_path: Path, clock: Clock) -> Auditor:
    return attach_auditor(database, Vault(settings), tmp_path, clock)


@pytest.fixture
def audited(database: Database, auditor: Auditor) -> Database:
    assert database.writer.options["auditor"] is auditor
    return database


def add_labels(database: Database, clock: Clock, count: int = 10, start: int = 1) -> None:
    """Make labels as the owner, a second apart: each is an entry."""
    for number in range(start, start + count):
        clock.pass_seconds(1)
        with bind_actor(OWNER):
            database.write(lambda s, number=number: labels.create(s, f"label {number}", "teal", clock()))


def read(database: Database) -> list[AuditEntry]:
    """Return all entries, oldest first."""
    with database.read() as session:
        return list_entries(session, AuditFilter(), 10_000).entries[::-1]
