"""Entries of the audit as pages show them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from app.admin.audit.audit_export import COLUMNS
from app.db.writer import Database
from app.logs.audit.models import AuditEntry
from app.services import Services
from app.settings import Settings
from tests.admin.conftest import open_app

AT = 1_780_000_000_000


def build_entry(number: int, **columns: Any) -> AuditEntry:
    """Return an entry; what is not given is that of a person who changed a label."""
    usual: dict[str, Any] = {
        "at": AT + number * 1000, "actor_kind": "person", "actor_id": 1, "actor_name": "Ada", "address": "192.0.2.7",
        "action": "label changed", "subject_kind": "label", "subject_id": "1", "subject_name": f"label <{number}>",
        "changes": [], "request_id": None, "key_id": 1, "previous": f"{number - 1:064x}", "hash": f"{number:064x}",
    }  # fmt: skip
    return AuditEntry(number=number, **{**usual, **columns})


def build_change(before: Any, after: Any, kind: str = "label", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "id": "1", "name": "one", "before": before, "after": after, **more}


def insert_entries(database: Database, *entries: AuditEntry) -> None:
    """Put entries there as they are; their hashes are made up."""
    rows = [{name: getattr(entry, name) for name in COLUMNS} for entry in entries]
    database.writer.run(lambda db: db.execute(insert(AuditEntry), rows) and None)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application without the replay of its entries at the end: those of these tests are made up."""
    with open_app(settings) as made:
        yield made


@pytest.fixture
def put_entries(services: Services) -> Callable[..., None]:
    """Put entries there as if their changes had been made."""
    return lambda *entries: insert_entries(services.database, *entries)
