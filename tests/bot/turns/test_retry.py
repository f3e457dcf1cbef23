from app.bot.turns.retry import CONFLICT, SANDBOX, TurnRetry, defer
from tests.bot.conftest import Pipeline, build_inbound


def test_conflicts_wait_longer_each_time_and_never_kill_a_young_message(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    waits = []
    for _ in range(12):
        job = pipeline.claim().jobs[0]
        late = TurnRetry(job.lease, job.message["id"], "changed", clock(), CONFLICT)
        back = pipeline.database.writer.submit(defer, late).result()
        assert not back.dead
        assert back.ready_at
        waits.append(back.ready_at - clock())
        clock.now = back.ready_at
    assert max(waits) <= 3_000
    assert waits[0] < 20


def test_a_paused_sandbox_costs_no_message_its_life_within_the_hour(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    for _ in range(20):
        job = pipeline.claim().jobs[0]
        late = TurnRetry(job.lease, job.message["id"], "paused", clock(), SANDBOX)
        back = pipeline.database.writer.submit(defer, late).result()
        assert not back.dead
        assert back.ready_at
        clock.now = back.ready_at
    (message,) = pipeline.list_messages("in")
    assert (message.state, message.error) == ("new", "paused")
    clock.pass_seconds(3_600)
    job = pipeline.claim().jobs[0]
    late = TurnRetry(job.lease, job.message["id"], "paused", clock(), SANDBOX)
    assert pipeline.database.writer.submit(defer, late).result().dead
