"""Names of states: written into SQL as the indexes hold them, and every set made of states there are."""

import pytest
from sqlalchemy import Index, text

from app.analytics.triggers import SOURCES, MetricSource, build_triggers
from app.bot import states
from app.bot.models import Message
from app.bot.states import MessageState, sql_any, sql_is
from app.db.schema import Base


def test_words_stand_in_sql_in_their_order():
    assert (
        sql_any("state", states.TROUBLE_STATES)
        == "(state = 'dead' OR state = 'unknown' OR state = 'held' OR state = 'failed')"
    )
    assert sql_is("message.state", MessageState.NEW) == "message.state = 'new'"


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("uq_message_inbound", "direction = 'in'"),
        ("ix_message_sent", "direction = 'out' AND provider_id IS NOT NULL"),
        ("ix_message_new", "state = 'new'"),
        (
            "ix_message_open",
            "(state = 'queued' OR state = 'sending' OR state = 'retry' OR state = 'unknown')",
        ),
        ("ix_message_trouble", "(state = 'dead' OR state = 'unknown' OR state = 'held' OR state = 'failed')"),
        (
            "ix_message_desk",
            sql_any("state", states.FAILURE_PAGE_STATES) + " AND aside_at IS NULL",
        ),
        ("ix_message_stuck", "(state = 'dead' OR state = 'unknown' OR state = 'held' OR state = 'failed')"),
        ("ix_message_about", "(kind = 'reaction' OR kind = 'edit')"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_conditions_of_partial_indexes_are_those_of_the_migrations(
    name: str, condition: str, dialect: str
):
    (index,) = (each for each in Message.__table_args__ if isinstance(each, Index) and each.name == name)
    assert str(index.dialect_options[dialect]["where"]) == str(text(condition))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.table)
def test_what_is_done_for_every_row_has_no_lists(source: MetricSource):
    table = Base.metadata.tables[source.table]
    conditions = [str(index.dialect_options["sqlite"]["where"]) for index in table.indexes]
    assert [sql for sql in (*build_triggers(source, "sqlite"), *conditions) if " IN (" in sql] == []


def test_every_state_is_settled_pending_or_the_end():
    inbound_ends = {MessageState.DONE, MessageState.STORED}
    known = {*states.PENDING_STATES, *states.ACCEPTED_STATES, *states.UNDELIVERED_STATES, *inbound_ends}
    assert known == set(MessageState)
