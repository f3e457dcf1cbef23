"""What is older than wanted is forgotten in batches, with its files; what waits and all numbers stay."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.analytics.rebuild import RollupRebuild
from app.bot.models import MediaFile, Message, Notice, Receipt, Run
from app.brains.ai.models import AiCall, AiMonth
from app.channels.contract import Status
from app.clock import DAY_MS
from app.files import FileStore
from app.privacy import retention
from app.privacy.retention import RetentionRunner
from tests.bot.conftest import Pipeline, build_inbound


def save_days(pipeline: Pipeline, **days: str) -> None:
    pipeline.write(lambda session: retention.save_retention_days(session, days))


def count_rows(pipeline: Pipeline, model: type) -> int:
    return pipeline.select_rows(select(func.count().label("n")).select_from(model))[0]["n"]


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def create_old_and_new(pipeline: Pipeline, store: FileStore) -> list[str]:
    """Answer an old and a new message, each with a file, a notice and a question to a model; returns the files."""
    brain_id = pipeline.create_brain()
    digests = []
    for number in (1, 2):
        stored = pipeline.run_turn(number, f"answer {number}")
        assert stored.send_job
        with store.open_incoming() as incoming:
            incoming.write(f"file {number}".encode())
            digests.append(incoming.save())
        rows = [
            Notice(field="x", payload="{}", created_at=pipeline.clock()),
            MediaFile(
                message_id=pipeline.list_messages("in")[-1].id, connection_id=pipeline.connection_id,
                sha256=digests[-1],
                state="kept", created_at=pipeline.clock(),
            ),
            AiCall(
                brain_id=brain_id, message_id=pipeline.list_messages("in")[-1].id, provider="p", model="m", messages=[],
                status="ok", tokens_in=3, created_at=pipeline.clock(),
            ),
        ]  # fmt: skip
        pipeline.write(lambda session, rows=rows: session.add_all(rows))
        pipeline.write(lambda session: session.execute(update(Message).values(state=_get_end_state())))
        pipeline.clock.now += 40 * DAY_MS
    pipeline.write(lambda session: session.add(AiMonth(brain_id=brain_id, month="2026-05", calls=2)))
    return digests


def _get_end_state() -> str:
    return "done"


def test_old_messages_go_with_all_that_hangs_on_them_and_the_numbers_stay(
    pipeline: Pipeline, store: FileStore
):
    old, new = create_old_and_new(pipeline, store)
    save_days(pipeline, messages="60")
    assert not RetentionRunner(pipeline.database, store, pipeline.clock).run_batch()
    assert [message.text for message in pipeline.list_messages("in")] == ["hello 2"]
    assert count_rows(pipeline, Run) == count_rows(pipeline, AiCall) == count_rows(pipeline, MediaFile) == 1
    assert store.find_path(old) is None
    assert store.find_path(new)
    assert count_rows(pipeline, Notice) == 2
    assert list(RollupRebuild(pipeline.database, pipeline.clock()).check()) == []


def test_each_kind_is_kept_for_its_own_days(pipeline: Pipeline, store: FileStore):
    create_old_and_new(pipeline, store)
    save_days(pipeline, runs="60", ai_calls="60", notices="60")
    RetentionRunner(pipeline.database, store, pipeline.clock).run_batch()
    assert count_rows(pipeline, Message) == 4
    assert count_rows(pipeline, Run) == count_rows(pipeline, AiCall) == count_rows(pipeline, Notice) == 1
    assert count_rows(pipeline, AiMonth) == 1


def test_what_waits_is_kept_however_old_it_is(pipeline: Pipeline, store: FileStore):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    pipeline.clock.now += 400 * DAY_MS
    save_days(pipeline, messages="1")
    RetentionRunner(pipeline.database, store, pipeline.clock).run_batch()
    assert [message.state for message in pipeline.list_messages("in")] == ["new"]


def test_without_retention_days_everything_is_kept(pipeline: Pipeline, store: FileStore):
    create_old_and_new(pipeline, store)
    pipeline.clock.now += 4_000 * DAY_MS
    assert not RetentionRunner(pipeline.database, store, pipeline.clock).run_batch()
    assert count_rows(pipeline, Message) == 4


def test_more_than_a_batch_is_forgotten_bit_by_bit(pipeline: Pipeline, store: FileStore):
    notices = [Notice(field="x", payload="{}", created_at=1) for _ in range(retention.BATCH + 1)]
    pipeline.write(lambda session: session.add_all(notices))
    save_days(pipeline, notices="1")
    task = RetentionRunner(pipeline.database, store, pipeline.clock)
    assert task.run_batch()
    assert count_rows(pipeline, Notice) == 1
    assert not task.run_batch()
    assert count_rows(pipeline, Notice) == 0


def test_receipts_of_messages_that_are_not_ours_are_kept_for_their_own_days(
    pipeline: Pipeline, store: FileStore
):
    pipeline.ingest(Status("wamid.of.another.app", "read", pipeline.clock(), participant="15550100001"))
    pipeline.clock.now += 40 * DAY_MS
    pipeline.ingest(Status("wamid.of.another.app.2", "delivered", pipeline.clock()))
    runner = RetentionRunner(pipeline.database, store, pipeline.clock)
    save_days(pipeline, messages="1", notices="1")
    assert not runner.run_batch()
    assert count_rows(pipeline, Receipt) == 2
    save_days(pipeline, receipts="30")
    assert not runner.run_batch()
    (left,) = pipeline.select_rows(select(Receipt.provider_id))
    assert left["provider_id"] == "wamid.of.another.app.2"
