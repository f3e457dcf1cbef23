"""Hot statements stay off full scans: each is explained on SQLite with every table of the pipeline in it."""

import pytest
from sqlalchemy import Engine, create_engine

from app.bot import lease
from app.bot.delivery import attempts, outbox, receipts, recovery
from app.bot.turns import claim
from app.db.statements import Statement
from tests.tables import create_tables

FOUND = {
    f"{module.__name__}.{name}": value
    for module in (attempts, claim, lease, outbox, recovery, receipts)
    for name, value in vars(module).items()
    if isinstance(value, Statement)
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = create_engine("sqlite://")
    create_tables(made)
    return made


@pytest.mark.parametrize("name", FOUND)
def test_a_named_statement_uses_an_index(engine: Engine, name: str):
    with engine.connect() as db:
        compiled = FOUND[name].compile_for(db)
        names = compiled.order or []
        values = ["[1]" if each.startswith("list_") else 1 for each in names]
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.text}", tuple(values))]
    # A list given as a parameter is scanned by its nature, and of workers there is a handful.
    scans = [
        step for step in plan if step.startswith("SCAN") and step != "SCAN worker" and "json_each" not in step
    ]
    assert not [step for step in scans if "INDEX" not in step], plan
