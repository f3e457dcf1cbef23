"""Log lines name ids, never what people wrote nor secrets."""

import json
import logging

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.bot.ingest.inbox import InboundBatch
from app.channels.contract import InboundMessage, Person
from tests.bot.ingest.test_webhook import FIXTURES, connect, post

WORDS = "a most private sentence"


def test_a_failing_write_tells_neither_the_message_nor_the_secret(installation: Flask, caplog):
    connect(installation, "106540352242922")
    caplog.set_level(logging.DEBUG)
    with installation.extensions["services"].database.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE message RENAME TO message_away")
    body = json.dumps(FIXTURES["meta_openapi__text_message.json"])
    start = body.index('"body": "') + len('"body": "')
    body = body[:start] + WORDS + body[body.index('"', start) :]
    assert post(installation, body.encode()) in {200, 503}
    reception = installation.extensions["services"].receiver
    inbound = InboundMessage("wamid.1", Person(None, "15550001"), "text", WORDS, 0, {"text": {"body": WORDS}})
    with pytest.raises(DBAPIError) as failed:
        reception.receive(InboundBatch([(1, [inbound])]))
    logging.getLogger("test").error("as a border would", exc_info=failed.value)
    told = "\n".join(logging.Formatter().format(record) for record in caplog.records) + str(failed.value)
    assert WORDS not in told
    assert "shared-app-secret" not in told
