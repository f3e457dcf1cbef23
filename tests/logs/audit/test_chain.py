"""Chain: every column counts for the hash, and its key is sealed, kept and made anew where it is lost."""

from typing import Any

import pytest

from app.db.schema import get_table
from app.db.writer import Database
from app.logs.audit.chain import START, KeyRing, compute_hash
from app.logs.audit.models import AuditEntry
from app.settings import Settings
from app.vault import Vault
from tests.conftest import Clock

COLUMNS = [column.name for column in get_table(AuditEntry).columns]
ENTRY: dict[str, Any] = {name: f"value of {name}" for name in COLUMNS}


@pytest.mark.parametrize("name", set(COLUMNS) - {"hash", "previous"})
def test_every_column_counts_for_the_hash(name: str):
    assert compute_hash(b"k", ENTRY, START) != compute_hash(b"k", {**ENTRY, name: "other"}, START)


def test_the_hash_before_and_the_key_count_too():
    known = compute_hash(b"k", ENTRY, START)
    assert compute_hash(b"k", ENTRY, "1" * 64) != known
    assert compute_hash(b"l", ENTRY, START) != known
    assert compute_hash(b"k", {**ENTRY, "hash": "other"}, START) == known


def test_a_key_is_made_once_and_sealed(database: Database, keys: KeyRing, settings: Settings, clock: Clock):
    number, key = database.writer.run(keys.get_current)
    assert database.writer.run(keys.get_current) == (number, key) == (1, key)
    again = KeyRing(Vault(settings), clock)
    assert database.writer.run(again.load_keys) == {1: key}


def test_a_key_that_does_not_open_is_followed_by_another(
    database: Database, keys: KeyRing, settings: Settings, clock: Clock
):
    database.writer.run(keys.get_current)
    other = KeyRing(Vault(settings.model_copy(update={"secret_key": "another one"})), clock)
    number, key = database.writer.run(other.get_current)
    assert number == 2
    assert database.writer.run(other.load_keys) == {1: None, 2: key}
