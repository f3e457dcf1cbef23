"""A published brain with intents, as the worker runs it: the model is the version's own, and is recorded."""

from flask import Flask
from sqlalchemy import select

from app.brains.versions.models import IntentModel
from app.channels.simulator import channel
from tests.bot.turns.test_run import InProcessRunner
from tests.brains.document.test_understanding import build_document


def test_the_worker_reads_messages_with_the_model_of_the_version(installation: Flask):
    runner = InProcessRunner(installation, build_document())
    replies = runner.answer(
        channel.build_text(runner.build_envelope(), "please may I return these 3 shirts?")
    )
    assert [reply.text for reply in replies] == ["refund en 3 refund"]
    run = runner.get_last_run()
    with runner.database.read() as session:
        assert run.journal["understanding"]["model"] == session.scalar(select(IntentModel.digest))
    assert run.trace["understanding"]["by"] == "words"
