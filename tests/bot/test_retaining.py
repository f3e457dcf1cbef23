"""What is older than wanted is forgotten in batches, with its files; what waits and all numbers stay."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.bot.files import FileStore
from app.bot.models import MediaFile, Message, Notice, Run
from app.bot.privacy import retaining
from app.bot.privacy.retaining import DAY, Retaining
from app.bot.recounting import Recount
from app.brains.ai.models import AiCall, AiMonth
from tests.bot.conftest import Desk, inbound


def keep(desk: Desk, **days: str) -> None:
    desk.change(lambda session: retaining.keep_for(session, days))


def count(desk: Desk, model: type) -> int:
    return desk.read(select(func.count().label("n")).select_from(model))[0]["n"]


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def old_and_new(desk: Desk, store: FileStore) -> list[str]:
    """Answer an old and a new message, each with a file, a notice and a question to a model; returns the files."""
    brain_id = desk.make_brain()
    digests = []
    for number in (1, 2):
        stored = desk.turn(number, f"answer {number}")
        assert stored.order
        with store.taking() as incoming:
            incoming.write(f"file {number}".encode())
            digests.append(incoming.keep())
        rows = [
            Notice(field="x", payload="{}", created_at=desk.clock()),
            MediaFile(
                message_id=desk.messages("in")[-1].id, connection_id=desk.connection_id, sha256=digests[-1],
                state="kept", created_at=desk.clock(),
            ),
            AiCall(
                brain_id=brain_id, message_id=desk.messages("in")[-1].id, provider="p", model="m", messages=[],
                status="ok", tokens_in=3, created_at=desk.clock(),
            ),
        ]  # fmt: skip
        desk.change(lambda session, rows=rows: session.add_all(rows))
        desk.change(lambda session: session.execute(update(Message).values(state=_settled())))
        desk.clock.now += 40 * DAY
    desk.change(lambda session: session.add(AiMonth(brain_id=brain_id, month="2026-05", calls=2)))
    return digests


def _settled() -> str:
    return "done"


def test_old_messages_go_with_all_that_hangs_on_them_and_the_numbers_stay(desk: Desk, store: FileStore):
    old, new = old_and_new(desk, store)
    keep(desk, messages="60")
    assert not Retaining(desk.database, store, desk.clock).look()
    assert [message.text for message in desk.messages("in")] == ["hello 2"]
    assert count(desk, Run) == count(desk, AiCall) == count(desk, MediaFile) == 1
    assert store.path(old) is None
    assert store.path(new)
    assert count(desk, Notice) == 2
    assert list(Recount(desk.database, desk.clock()).check()) == []


def test_each_kind_is_kept_for_its_own_days(desk: Desk, store: FileStore):
    old_and_new(desk, store)
    keep(desk, runs="60", ai_calls="60", notices="60")
    Retaining(desk.database, store, desk.clock).look()
    assert count(desk, Message) == 4
    assert count(desk, Run) == count(desk, AiCall) == count(desk, Notice) == 1
    assert count(desk, AiMonth) == 1


def test_what_waits_is_kept_however_old_it_is(desk: Desk, store: FileStore):
    desk.accept(inbound(1, desk.clock))
    desk.clock.now += 400 * DAY
    keep(desk, messages="1")
    Retaining(desk.database, store, desk.clock).look()
    assert [message.state for message in desk.messages("in")] == ["new"]


def test_without_a_wish_everything_is_kept(desk: Desk, store: FileStore):
    old_and_new(desk, store)
    desk.clock.now += 4_000 * DAY
    assert not Retaining(desk.database, store, desk.clock).look()
    assert count(desk, Message) == 4


def test_more_than_a_batch_is_forgotten_bit_by_bit(desk: Desk, store: FileStore):
    notices = [Notice(field="x", payload="{}", created_at=1) for _ in range(retaining.BATCH + 1)]
    desk.change(lambda session: session.add_all(notices))
    keep(desk, notices="1")
    task = Retaining(desk.database, store, desk.clock)
    assert task.look()
    assert count(desk, Notice) == 1
    assert not task.look()
    assert count(desk, Notice) == 0
