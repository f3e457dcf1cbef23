"""Signed webhooks that could not be handled: the batch that keeps one raw, and a second try at all that are kept."""

from collections.abc import Callable, Collection, Mapping

from app.bot.health.unhandled import UNHANDLED_FIELD, UnhandledWebhook, iterate_unhandled
from app.bot.ingest.inbox import InboundBatch, IngestResult
from app.bot.models import Notice
from app.channels.contract import RawItem
from app.db.writer import Database


def build_unhandled(body: bytes, proven: Collection[int]) -> InboundBatch:
    """Return a batch that keeps a body raw, under one of the connections it is signed by."""
    text = body.decode("utf-8", "replace").replace("\0", "\ufffd")
    return InboundBatch(raw_items=[(min(proven), RawItem(UNHANDLED_FIELD, text))])


def replay_unhandled(
    database: Database,
    parse: Callable[[UnhandledWebhook], InboundBatch | None],
    receive: Callable[[InboundBatch], IngestResult],
) -> Mapping[int, IngestResult | None]:
    """Handle what is kept once more, by notice id; None stays kept. What was stored already is not stored twice."""
    with database.read() as session:
        kept = list(iterate_unhandled(session))
    results: dict[int, IngestResult | None] = {}
    for webhook in kept:
        batch = parse(webhook)
        results[webhook.id] = receive(batch) if batch else None
        if batch:
            database.write(lambda session, row=webhook.id: session.delete(session.get_one(Notice, row)))
    return results
