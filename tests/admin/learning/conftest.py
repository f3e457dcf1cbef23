"""A published brain with intents, and people who write to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.bot.models import Connection
from app.brains.versions import store
from app.brains.versions.intent_models import train_intents
from app.brains.versions.store import DraftReview
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.brains.test_rehearsal import _pending
from tests.bot.simulated_bot import wait_until
from tests.brains.document.test_understanding import build_document


@pytest.fixture
def shop(services: Services, demo_brain: Any) -> Any:
    """Give the demo brain intents, and publish it."""

    def edit(session: Any) -> Any:
        there = store.get_brain(session, demo_brain.id)
        draft = {
            **there.draft,
            **{name: value for name, value in build_document().items() if name not in {"brain", "title"}},
        }
        draft["settings"] = {**there.draft["settings"], "encoder": "none"}
        store.save_draft(session, there.id, draft, there.draft_rev, services.clock())
        trained = train_intents(draft)
        store.publish(session, there.id, "", None, services.clock(), DraftReview(trained=trained))
        return there

    return services.database.write(edit)


@pytest.fixture
def say(
    app: Flask, services: Services, simulated_connection: Connection, shop: Any
) -> Iterator[Callable[..., None]]:
    """Let people write what the live version answers."""
    assert shop
    worker = services.build_worker()
    worker.start()
    count = iter(range(1_000_000))

    def write(*words: str) -> None:
        person = Person(phone="15550100001", name="Ada <b>")
        items = [
            channel.build_text(Envelope(f"in.{next(count)}", person, services.clock()), text)
            for text in words
        ]
        services.receive_local(simulated_connection.id, items)
        with app.app_context():
            wait_until(lambda: _pending(services) == 0)

    yield write
    worker.stop()
    services.intent_effects.close()
