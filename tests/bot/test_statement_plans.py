"""Hot statements stay off full scans: each is explained on SQLite with every table of the pipeline in it."""

import pytest
from sqlalchemy import Engine, create_engine

from app.bot import lease
from app.bot.delivery import attempts, outbox, receipts, recovery
from app.bot.ingest import inbox
from app.bot.turns import claim, version_pin
from app.db.statements import CompiledStatement, Statement
from tests.tables import create_tables

FOUND = {
    f"{module.__name__}.{name}": value
    for module in (attempts, claim, inbox, lease, outbox, recovery, receipts, version_pin)
    for name, value in vars(module).items()
    if isinstance(value, Statement)
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = create_engine("sqlite://")
    create_tables(made)
    return made


def list_scans(engine: Engine, text: str, values: list[object]) -> list[str]:
    """Explain a statement and return its steps that read a whole table."""
    with engine.connect() as db:
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(values))]
    # Lists given as parameters and what was found are scanned by their nature, and of workers there is a handful.
    expected = ("SCAN worker", "SCAN json_each", "SCAN found", "SCAN given")
    return [
        step
        for step in plan
        if step.startswith("SCAN") and not step.startswith(expected) and not step.endswith("CONSTANT ROWS")
    ]


@pytest.mark.parametrize("name", FOUND)
def test_a_named_statement_uses_an_index(engine: Engine, name: str):
    with engine.connect() as db:
        compiled = FOUND[name].compile_for(db)
    values: list[object] = ["[1]" if each.startswith("list_") else 1 for each in compiled.order or []]
    scans = list_scans(engine, compiled.text, values)
    assert [step for step in scans if "INDEX" not in step] == []


def compile_updates(engine: Engine) -> dict[str, CompiledStatement]:
    with engine.connect() as db:
        compiled = {name: statement.compile_for(db) for name, statement in FOUND.items()}
    return {name: each for name, each in compiled.items() if each.text.startswith("UPDATE")}


def test_an_update_of_many_rows_finds_each_by_an_index(engine: Engine):
    updates = {name: each for name, each in compile_updates(engine).items() if each.takes_many_rows}
    assert {name.rpartition(".")[2] for name in updates} >= {
        "_UPDATE_MESSAGE",
        "_RELEASE_CHATS",
        "_HOLD_CHATS",
    }
    for name, compiled in updates.items():
        rows = [dict.fromkeys(compiled.order or [], 1), dict.fromkeys(compiled.order or [], 2)]
        [(text, values)] = compiled.split_rows(rows)
        assert "FROM (VALUES" in text, name
        assert list_scans(engine, text, values) == [], name
