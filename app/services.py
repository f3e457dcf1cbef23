"""Services of one process (database, sandbox, channels, AI, files), built once and shared by web and worker."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any, TypeVar

from flask import Flask, current_app

from app.bot.chats.templates import FillableTemplate, TemplateCache
from app.bot.connections.registry import ConnectionRegistry, check
from app.bot.connections.store import ConnectionStore
from app.bot.contacts import load_names
from app.bot.delivery.http_loop import HttpLoop
from app.bot.delivery.read_marks import ReadMarks
from app.bot.delivery.sender import Sender
from app.bot.health.counters import Counters
from app.bot.health.heartbeat import Heartbeat
from app.bot.ingest.admission import EdgeLimits, RefusalLog
from app.bot.ingest.handler import RequestHandler
from app.bot.ingest.inbox import InboundBatch, IngestResult
from app.bot.ingest.kept_webhooks import replay_unhandled
from app.bot.ingest.receiver import Receiver
from app.bot.ingest.server import EdgeServer
from app.bot.ingest.webhook import WebhookEndpoint
from app.bot.learning.effects import IntentEffects
from app.bot.release.rehearsals import Rehearsals
from app.bot.turns.run import TurnRunner
from app.bot.worker.dispatcher import Dispatcher
from app.bot.worker.maintenance import Maintenance
from app.bot.worker.process_lock import WorkerName
from app.bot.worker.timing import WorkerTiming
from app.bot.worker.worker import Worker
from app.brains.ai.contract import ModelPort
from app.brains.ai.provider_store import ProviderStore
from app.brains.ai.service import AiService
from app.brains.ai.usage import DatabaseUsageLedger
from app.brains.capabilities import build_all
from app.brains.capabilities.contract import Capabilities
from app.brains.capabilities.kind import Environment
from app.brains.memory.store import select_highest
from app.brains.runtime.runtime import Runtime
from app.brains.sandbox import Sandbox
from app.channels.contract import Channel, CheckResult, Item
from app.channels.registry import load_channels
from app.clock import get_now_ms
from app.db.maintenance_job import JobResources, MaintenanceJob, find_all_jobs
from app.db.writer import Database
from app.files import FileStore
from app.logs import ingest as log_ingest
from app.logs.audit.auditor import Auditor, attach_auditor
from app.logs.audit.chain_check import ChainChecks
from app.logs.log_services import LogServices
from app.privacy.erasure import ErasureRunner
from app.realtime import Realtime
from app.settings import Settings
from app.vault import Vault

T = TypeVar("T")


@dataclass
class Services:
    """What one process shares; the sandbox, AI clients and files start when they are first needed."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Callable[[], int]
    channels: Mapping[str, Channel]
    connections: ConnectionStore
    realtime: Realtime
    registry: ConnectionRegistry
    receiver: Receiver
    counters: Counters
    http_loop: HttpLoop
    read_marks: ReadMarks
    webhook: WebhookEndpoint
    _singletons: dict[type[Any], Any] = field(default_factory=dict, init=False)

    def get(self, kind: type[T]) -> T:
        """Return this process's one object of a class; made without arguments when it is first asked for."""
        # `setdefault` is atomic: threads that ask together get the same object.
        found = self._singletons.get(kind)
        return self._singletons.setdefault(kind, kind()) if found is None else found

    def put(self, singleton: object) -> None:
        """Set this process's object of a class, before it is first asked for."""
        self._singletons[type(singleton)] = singleton

    @cached_property
    def sandbox(self) -> Sandbox:
        """The confined processes that run operators' code."""
        settings = self.settings
        return Sandbox(
            settings.sandbox_children, mode=settings.sandbox_mode, allow_unsafe=settings.sandbox_unsafe
        )

    @cached_property
    def capabilities(self) -> Capabilities:
        """The capabilities of scripts."""
        return build_capabilities(self.database, self.ai)

    @cached_property
    def ai(self) -> AiService:
        """The language models of this installation."""
        allow_private = self.settings.ai_allow_private
        providers = ProviderStore(self.vault, allow_private=allow_private)
        return AiService(self.database, providers, allow_private=allow_private)

    @cached_property
    def files(self) -> FileStore:
        """The files of messages."""
        return FileStore(self.settings.brainbox_data)

    @cached_property
    def erasure(self) -> ErasureRunner:
        """The runner of erasures."""
        return ErasureRunner(self.database, self.files, self.clock)

    @cached_property
    def logs(self) -> LogServices:
        """The logging service of this process with all that belongs to it."""
        return LogServices(self.settings, self.database, self.vault, self.clock)

    @cached_property
    def _templates(self) -> TemplateCache:
        return TemplateCache(self.clock)

    def list_templates(self, connection_id: int, *, again: bool = False) -> list[FillableTemplate]:
        """List the approved templates of a connection; raises DomainError when they cannot be had."""
        account = self.registry.find(connection_id)
        if account is None:
            return []
        channel = self.channels[account.channel]
        return self._templates.get_templates(connection_id, channel, account.config, refresh=again)

    @cached_property
    def rehearsals(self) -> Rehearsals:
        """The drafts that are being rehearsed in this process."""
        return Rehearsals(self.database, lambda: Runtime(self.sandbox), self.clock)

    @cached_property
    def intent_effects(self) -> IntentEffects:
        """The drafts whose intents are compared with the live ones in this process."""
        return IntentEffects(self.database, self.clock)

    @cached_property
    def audit_checks(self) -> ChainChecks:
        """The checks of the audit's chain that were begun in this process."""
        return ChainChecks(self.database, self.get(Auditor), self.clock)

    def receive_local(self, connection_id: int, items: Sequence[Item]) -> IngestResult:
        """Receive items that came over no network: the simulator's."""
        return self.receiver.receive(InboundBatch([(connection_id, items)]))

    def replay_webhooks(self) -> Mapping[int, IngestResult | None]:
        """Handle the signed webhooks that could not be handled once more, by notice id; None stays kept."""
        return replay_unhandled(self.database, self.webhook.parse_again, self.receiver.receive)

    def check_connection(self, connection_id: int) -> CheckResult:
        """Test a connection without sending anything."""
        self.registry.invalidate()
        return check(self.channels, self.registry.find(connection_id))

    def start(self) -> None:
        """Start what a serving process runs for all that share it: the live feed, the look at the connections."""
        self.realtime.start()
        self.registry.start()

    def close(self) -> None:
        """End what was started, and the confined processes, if there are any."""
        self.registry.stop()
        self.realtime.close()
        self.read_marks.close()
        self.http_loop.close()
        if "audit_checks" in self.__dict__:
            self.audit_checks.close()
        if "rehearsals" in self.__dict__:
            self.rehearsals.close()
        if "intent_effects" in self.__dict__:
            self.intent_effects.close()
        if "sandbox" in self.__dict__:
            self.sandbox.close()
        if "ai" in self.__dict__:
            self.ai.close()
        # Last: what the others say while they close is kept too.
        if "logs" in self.__dict__:
            self.logs.close()

    def build_edge_server(self, is_signed_in: Callable[[str], bool]) -> EdgeServer:
        """Build the edge server of a web process; `is_signed_in` tells of a Cookie header whether it has a session."""
        settings = self.settings
        limits = EdgeLimits(
            header_s=settings.header_seconds,
            body_s=settings.body_seconds,
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            unverified_bytes=settings.unverified_megabytes * 1024 * 1024,
            threads=settings.web_threads,
        )
        refusals = RefusalLog(monotonic)
        handler = RequestHandler(self.webhook, self.registry, self.receiver, is_signed_in, refusals)
        handler.mount(log_ingest.PATH, self.logs.endpoint.answer_in_loop)
        return EdgeServer(handler, limits, refusals, behind_proxy=settings.trusted_proxies > 0)

    def build_worker(self) -> Worker:
        """Build this process's worker; raises WorkerNameError."""
        settings, database = self.settings, self.database
        name = WorkerName(settings.brainbox_data, settings.worker_name)
        timing = WorkerTiming(
            name.value,
            int(settings.lease_seconds * 1000),
            int(settings.grace_seconds * 1000),
            int(settings.sweep_seconds * 1000),
            self.clock,
        )
        runner = TurnRunner(database, Runtime(self.sandbox), self.clock, self.capabilities)
        sender = Sender(self.channels, self.registry, self.http_loop)
        maintenance = Maintenance(database, self.build_jobs(), self.clock, timing.sweep_interval_ms)
        dispatcher = Dispatcher(database, runner, sender, self.read_marks, maintenance, timing)
        return Worker(name, database, dispatcher, sender)

    def build_jobs(self) -> list[MaintenanceJob]:
        """Build the maintenance jobs of every package of jobs."""
        makers: dict[type[Any], Callable[[], Any]] = {
            AiService: lambda: self.ai,
            ConnectionRegistry: lambda: self.registry,
            ConnectionStore: lambda: self.connections,
            ErasureRunner: lambda: self.erasure,
            FileStore: lambda: self.files,
            LogServices: lambda: self.logs,
            Sandbox: lambda: self.sandbox,
            Settings: lambda: self.settings,
            Vault: lambda: self.vault,
        }
        return list(find_all_jobs("app", JobResources(self.database, self.clock, makers)))

    def build_heartbeat(self, worker: Worker | None = None) -> Heartbeat:
        """Build the heartbeat of a worker, or of this web process; a restart takes over the row of its name."""
        if worker:
            name, in_flight = f"worker:{worker.name}", lambda: worker.in_flight
        else:
            name, in_flight = f"web:{socket.gethostname()}:{self.settings.port}", lambda: 0
        return Heartbeat(self.database, self.counters, self.clock, name, in_flight)


def init_app(app: Flask, settings: Settings, database: Database) -> None:
    """Build the services of a process that serves pages."""
    app.extensions["services"] = build_services(settings, database)


def build_services(settings: Settings, database: Database) -> Services:
    """Build the services of this process; `database` is closed by whoever made it."""
    vault, clock = Vault(settings), get_now_ms
    channels = load_channels(settings)
    connections = ConnectionStore(channels, vault)
    registry = ConnectionRegistry(database, connections, clock)
    counters = Counters()
    http_loop = HttpLoop()
    read_marks = ReadMarks(channels, registry, counters, clock, http_loop)
    receiver = Receiver(database, clock, int(settings.stale_after_seconds * 1000), read_marks)
    webhook = WebhookEndpoint(channels, registry, receiver, counters)
    shared = Services(
        settings,
        database,
        vault,
        clock,
        channels,
        connections,
        Realtime(settings.redis_url),
        registry,
        receiver,
        counters,
        http_loop,
        read_marks,
        webhook,
    )
    shared.put(attach_auditor(database, vault, settings.brainbox_data, clock))
    return shared


def services() -> Services:
    """Return the services of the current app."""
    return current_app.extensions["services"]


def build_capabilities(database: Database, models: ModelPort) -> Capabilities:
    """Build the capabilities of scripts from what this installation provides."""
    ledger = DatabaseUsageLedger(database)
    return build_all(Environment(database.read, load_names, select_highest, models, ledger))
