import pytest

from app.bot.chats import send as chats_send
from app.bot.chats.send import OperatorMessage
from app.bot.media.uploads import OperatorMessageError
from app.channels.contract import SendSuccess
from tests.bot.conftest import Pipeline, build_inbound


def test_what_an_operator_writes_is_sent_once_by_the_worker(pipeline: Pipeline):
    pipeline.run_turn(1)
    draft = OperatorMessage(pipeline.get_chat().id, "once" * 4, {"kind": "text", "text": "Hi"}, "Hi")
    ids = {pipeline.write(lambda s: chats_send.send(s, draft, pipeline.clock())) for _ in range(3)}
    assert len(ids) == 1
    (order,) = pipeline.claim().send_jobs
    pipeline.complete(order, SendSuccess("wamid.out"))
    (message,) = pipeline.list_messages()
    assert (message.state, message.author) == ("sent", "operator")
    assert pipeline.claim().send_jobs == []


def test_what_is_written_while_an_answer_is_sent_goes_out_after_it(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "from the brain").send_job
    assert order
    draft = OperatorMessage(pipeline.get_chat().id, "once" * 4, {"kind": "text", "text": "Hi"}, "Hi")
    pipeline.write(lambda s: chats_send.send(s, draft, pipeline.clock()))
    pipeline.complete(order, SendSuccess("wamid.1"))
    (mine,) = pipeline.claim().send_jobs
    pipeline.complete(mine, SendSuccess("wamid.2"))
    assert [(message.text, message.state) for message in pipeline.list_messages()] == [
        ("from the brain", "sent"),
        ("Hi", "sent"),
    ]
    assert pipeline.claim().send_jobs == []


def test_what_is_written_while_a_brain_thinks_is_sent(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock))
    job = pipeline.claim().jobs[0]
    draft = OperatorMessage(pipeline.get_chat().id, "once" * 4, {"kind": "text", "text": "Hi"}, "Hi")
    pipeline.write(lambda s: chats_send.send(s, draft, pipeline.clock()))
    pipeline.commit(job, "from the brain")
    pipeline.clock.pass_seconds(5)
    (mine,) = pipeline.claim().send_jobs
    pipeline.complete(mine, SendSuccess("wamid.2"))
    assert ("Hi", "sent") in [(message.text, message.state) for message in pipeline.list_messages()]


def test_a_chat_that_is_gone_takes_nothing(pipeline: Pipeline):
    with pytest.raises(OperatorMessageError):
        pipeline.write(
            lambda s: chats_send.send(s, OperatorMessage(99, "x" * 16, {"kind": "text", "text": "Hi"}), 1)
        )
