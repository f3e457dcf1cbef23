"""One installation for many played tests: database, edge server, worker, fake Graph, a clock that tests move."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app, services
from app.bot.connections.store import ConnectionInput
from app.brains.versions import store
from app.brains.versions.intent_models import train_intents
from app.brains.versions.store import DraftReview
from app.channels.contract import InboundMessage
from app.db.schema import Base
from app.services import Services
from app.settings import Settings
from bench.fake_graph import Options, ThreadedGraph
from bench.fake_graph import running as running_graph
from tests.bot.ingest.edge import build_webhook, running_edge, send_bytes
from tests.bot.ingest.test_webhook import SECRET
from tests.conftest import SHARED

SIMULATOR = "simulator"
CLOUD = "cloud"
_SECRETS = {"access_token": "token-token", "app_secret": SECRET, "verify_token": "verify"}
_SCHEMA = SHARED / "fixtures/whatsapp_openapi/outbound_message.schema.json"


@dataclass
class MovableClock:
    """Clock of an installation in ms."""

    now: int = 1_767_268_800_000

    def __call__(self) -> int:
        return self.now


@dataclass
class Installation:
    """An installation shared by tests: each has a brain and a connection of its own."""

    app: Flask
    clock: MovableClock
    graph: ThreadedGraph
    port: int
    count: int = 0
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return self.app.extensions["services"]

    def publish(self, document: Mapping[str, Any], channel: str) -> tuple[int, int, str]:
        """Publish a brain and open a number that nobody answers on yet; returns both ids, and its account."""
        self.count += 1
        account = f"sim-{self.count}" if channel == SIMULATOR else str(10**14 + self.count)
        config = {} if channel == SIMULATOR else _SECRETS
        fields = ConnectionInput(f"Number {self.count}", channel, account, config, None, 0, 0)
        slug = f"{document['brain'][:40]}-{self.count}"

        trained = train_intents(document)

        def create(session: Any) -> tuple[int, int]:
            brain = store.create_brain(session, slug, document["title"], {**document, "brain": slug}, 1)
            store.publish(session, brain.id, "", None, 1, DraftReview(trained=trained))
            return brain.id, self.services.connections.create(session, fields, 1).id

        made = self.services.database.write(create)
        self.services.registry.invalidate()
        return (*made, account)

    def deliver(self, connection_id: int, account: str, item: InboundMessage) -> None:
        """Let a message come in: by a signed webhook over HTTP, or from the simulated phone."""
        if account.startswith("sim-"):
            self.services.receive_local(connection_id, [item])
            return
        group = {"group_id": item.group_id} if item.group_id else {}
        message = {**item.payload, "from": item.person.phone, **group}
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": account},
            "contacts": [{"profile": {"name": item.person.name}, "wa_id": item.person.phone}],
            "messages": [message],
        }
        change = {"field": "messages", "value": value}
        body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
        answer = send_bytes(self.port, build_webhook(json.dumps(body).encode()))
        assert answer.startswith(b"HTTP/1.1 200"), answer


@contextmanager
def running_installation(database_url: str, folder: Path) -> Iterator[Installation]:
    """Run an installation without a worker; each played test has one of its own."""
    with ExitStack() as stack:
        clock = MovableClock()
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(services, "get_now_ms", clock)
        graph = stack.enter_context(running_graph(Options(schema=_SCHEMA if _SCHEMA.exists() else None)))
        settings = Settings(
            brainbox_data=folder, secret_key="a secret key for tests", database_url=database_url,
            redis_url="", log_level="warning", graph_base_url=graph.url,
        )  # fmt: skip
        app = create_app(settings)
        shared = app.extensions["services"]
        Base.metadata.create_all(shared.database.engine)
        port, _ = stack.enter_context(running_edge(app))
        yield Installation(app, clock, graph, port, capabilities=shared.capabilities)
        shared.database.writer.close()
        shared.close()
        shared.database.engine.dispose()
