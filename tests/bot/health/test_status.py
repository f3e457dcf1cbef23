"""Status of the pipeline: a message that is held counts as waiting, and is named with its person and command."""

from app.bot.health import status
from app.bot.health.dashboard import load_stats
from app.bot.turns.retry import SANDBOX, TurnRetry, defer
from tests.bot.conftest import Pipeline, build_inbound

WHY = "The command “find” is held for a moment in this chat"


def hold(pipeline: Pipeline) -> None:
    """Put the turn of the oldest message back, as a worker does whose sandbox holds the person."""
    job = pipeline.claim().jobs[0]
    late = TurnRetry(job.lease, job.message["id"], WHY, pipeline.clock(), SANDBOX)
    pipeline.database.writer.submit(defer, late).result()


def read_lag(pipeline: Pipeline) -> tuple[int, int]:
    with pipeline.database.read() as session:
        return status.compute_lag(session, pipeline.clock()), status.count_held_chats(session)


def test_lag_and_readiness_count_a_message_that_is_held(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    assert read_lag(pipeline) == (0, 0)
    pipeline.clock.pass_seconds(1)
    hold(pipeline)
    # Nobody could claim the chat now, and still its person waits.
    assert read_lag(pipeline) == (1_000, 1)
    pipeline.ingest(build_inbound(2, pipeline.clock, phone="15550002"))
    pipeline.commit(pipeline.claim().jobs[0])
    assert read_lag(pipeline) == (1_000, 1)
    pipeline.clock.pass_seconds(30)
    assert read_lag(pipeline) == (31_000, 1)
    pipeline.commit(pipeline.claim().jobs[0])
    assert read_lag(pipeline) == (0, 0)


def test_what_is_held_is_named_with_its_person_and_command(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock), build_inbound(2, pipeline.clock))
    hold(pipeline)
    with pipeline.database.read() as session:
        figures = load_stats(session, pipeline.clock())
        stats = status.collect_stats(session, pipeline.clock())
    assert [(each.name, each.message.error) for each in figures.held] == [("Ada", WHY)]
    assert (stats["held"], stats["pending"]) == (1, 2)
