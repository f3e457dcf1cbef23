"""Parts of the logging service that one process has: service, store, sources, sinks, forwarder, endpoint."""

import socket
from collections.abc import Callable
from functools import cached_property

from app.db.writer import Database
from app.logs.event_redaction import RedactionRules, Redactor
from app.logs.forwarding.forwarder import Forwarder
from app.logs.forwarding.sink_store import SinkRules, SinkStore
from app.logs.ingest import LogEndpoint
from app.logs.log_service import LogService
from app.logs.sealing import Sealer
from app.logs.sinks.contract import SinkContext
from app.logs.sources import SourceRegistry
from app.logs.store import EventStore, open_store
from app.settings import Settings
from app.vault import Vault


class LogServices:
    """Builds each part when it is first asked for; nothing is written before there is an event. `clock` in ms."""

    def __init__(
        self, settings: Settings, database: Database, vault: Vault, clock: Callable[[], int]
    ) -> None:
        self.settings = settings
        self._database = database
        self._vault = vault
        self._clock = clock

    @property
    def is_on(self) -> bool:
        """Whether log events are kept."""
        return self.settings.log_store

    @cached_property
    def store(self) -> EventStore:
        """The store of events."""
        settings = self.settings
        sealer = Sealer(self._vault, is_active=settings.log_encrypt)
        return open_store(
            settings.database_url, settings.brainbox_data, sealer, is_durable=settings.log_durable
        )

    @cached_property
    def service(self) -> LogService:
        """The service that takes events; its thread starts with the first."""
        rules = RedactionRules(self.settings.log_hide_phones, self.settings.log_hide_emails)
        return LogService(self.store, Redactor(rules), self._clock)

    @cached_property
    def sources(self) -> SourceRegistry:
        """The other services that may send events."""
        return SourceRegistry(self._database, self._clock)

    @cached_property
    def sinks(self) -> SinkStore:
        """The sinks that events are forwarded to."""
        settings = self.settings
        own = {f"http://{host}:{settings.port}" for host in (settings.host, "127.0.0.1", "localhost")}
        rules = SinkRules(settings.log_allow_private, frozenset({settings.public_url, *own}))
        return SinkStore(self._vault, rules)

    @property
    def sink_context(self) -> SinkContext:
        """What the sinks of this installation work with."""
        settings = self.settings
        return SinkContext(
            settings.installation_id,
            settings.brainbox_data,
            settings.log_allow_private,
            host_name=socket.gethostname(),
        )

    @cached_property
    def forwarder(self) -> Forwarder:
        """What sends events to sinks, in the one process that is elected."""
        return Forwarder(self._database, self.service, self.sinks, self.sink_context)

    @cached_property
    def endpoint(self) -> LogEndpoint:
        """The endpoint that takes events of other services."""
        settings = self.settings
        return LogEndpoint(
            self.service,
            self.sources,
            settings.installation_id,
            is_on=self.is_on,
            is_durable=settings.log_durable,
        )

    def attach(self, role: str) -> None:
        """Keep the log lines of this process from now on, where the setting says so; roles: LogService.attach."""
        if not self.is_on:
            return
        self.service.attach(role)
        if role != "cli":
            self.forwarder.start()

    def close(self) -> None:
        """Stop forwarding, and store what is queued."""
        if "forwarder" in self.__dict__:
            self.forwarder.stop()
        if "service" in self.__dict__:
            self.service.close()
