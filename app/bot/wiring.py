"""The message pipeline of one process: what web and worker need, wired together."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from flask import Flask

from app.bot.accounts import Accounts
from app.bot.capabilities import make_capabilities
from app.bot.channels import load_channels
from app.bot.channels.contract import Channel, Checked, Item
from app.bot.connections import Connections
from app.bot.counters import Counters
from app.bot.dispatch import Dispatcher, Pulse
from app.bot.fetching import Fetcher
from app.bot.files import FileStore
from app.bot.front import Front
from app.bot.inbox import Accepted
from app.bot.intake import Intake
from app.bot.privacy.eraser import Eraser
from app.bot.privacy.erasing import Erasing
from app.bot.privacy.retaining import Retaining
from app.bot.probe import check
from app.bot.probes import probes
from app.bot.programs import Programs
from app.bot.reception import Parcel, Reception
from app.bot.rehearsing import Rehearsals
from app.bot.sender import Sender
from app.bot.shadowing import Shadow
from app.bot.template_forms import Shape, Templates
from app.bot.worker import Heart, Name, Worker
from app.brains.ai.providers import Providers
from app.brains.ai.service import AiService
from app.brains.capabilities.contract import Capabilities
from app.brains.runtime import Runtime
from app.brains.sandbox import Sandbox
from app.web import House


@dataclass
class Bot:
    """The pipeline's parts; the sandbox starts when it is first needed."""

    house: House
    channels: Mapping[str, Channel]
    connections: Connections
    accounts: Accounts
    reception: Reception
    counters: Counters
    intake: Intake

    @cached_property
    def sandbox(self) -> Sandbox:
        """The confined processes that run operators' code."""
        settings = self.house.settings
        return Sandbox(
            settings.sandbox_children, mode=settings.sandbox_mode, allow_unsafe=settings.sandbox_unsafe
        )

    @cached_property
    def capabilities(self) -> Capabilities:
        """What scripts may ask for while they run."""
        return make_capabilities(self.house.database, self.ai)

    @cached_property
    def ai(self) -> AiService:
        """The language models of this installation."""
        allow_private = self.house.settings.ai_allow_private
        providers = Providers(self.house.vault, allow_private=allow_private)
        return AiService(self.house.database, providers, allow_private=allow_private)

    @cached_property
    def files(self) -> FileStore:
        """The files of messages."""
        return FileStore(self.house.settings.brainbox_data)

    @cached_property
    def erasing(self) -> Erasing:
        """What erases people."""
        return Erasing(self.house.database, self.files, self.house.clock)

    @cached_property
    def _templates(self) -> Templates:
        return Templates(self.house.clock)

    def templates(self, connection_id: int, *, again: bool = False) -> list[Shape]:
        """List the approved templates of a connection; raises DomainError when they cannot be had."""
        account = self.accounts.by_id(connection_id)
        if account is None:
            return []
        channel = self.channels[account.channel]
        return self._templates.of(connection_id, channel, account.config, again=again)

    @cached_property
    def rehearsals(self) -> Rehearsals:
        """The drafts that are being rehearsed in this process."""
        return Rehearsals(self.house.database, lambda: Runtime(self.sandbox), self.house.clock)

    def accept_local(self, connection_id: int, items: Sequence[Item]) -> Accepted:
        """Take items that came over no wire: the simulator's."""
        return self.reception.take(Parcel([(connection_id, items)]))

    def check(self, connection_id: int) -> Checked:
        """Try a connection without sending anything."""
        self.accounts.forget()
        return check(self.channels, self.accounts.by_id(connection_id))

    def close(self) -> None:
        """End the confined processes, if there are any."""
        if "rehearsals" in self.__dict__:
            self.rehearsals.close()
        if "sandbox" in self.__dict__:
            self.sandbox.close()
        if "ai" in self.__dict__:
            self.ai.close()

    def front(self) -> Front:
        """Build the front of a web process."""
        return Front(self.intake, self.accounts, self.reception)

    def worker(self) -> Worker:
        """Build this process's worker; raises NameTaken."""
        settings, database = self.house.settings, self.house.database
        name = Name(settings.brainbox_data, settings.worker_name)
        pulse = Pulse(
            name.text,
            int(settings.lease_seconds * 1000),
            int(settings.grace_seconds * 1000),
            int(settings.sweep_seconds * 1000),
            self.house.clock,
        )
        programs = Programs(database, Runtime(self.sandbox), self.house.clock, self.capabilities)
        dispatcher = Dispatcher(database, self.channels, programs, pulse)
        sender = Sender(self.channels, self.accounts, dispatcher.sent)
        dispatcher.send = sender.send
        shadow = Shadow(database, lambda: Runtime(self.sandbox), self.house.clock)
        fetcher = Fetcher(database, self.channels, self.accounts, self.files, self.house.clock)
        eraser = Eraser(self.erasing, Retaining(database, self.files, self.house.clock))
        return Worker(name, database, dispatcher, sender, (shadow.beside, fetcher.beside, eraser.beside))

    def heart(self, worker: Worker | None = None) -> Heart:
        """Build the heartbeat of a worker, or of this web process; a restart takes over the row of its name."""
        if worker:
            name, in_flight = f"worker:{worker.name}", lambda: worker.in_flight
        else:
            name, in_flight = f"web:{socket.gethostname()}:{self.house.settings.port}", lambda: 0
        return Heart(self.house.database, self.counters, self.house.clock, name, in_flight)


def init_app(app: Flask) -> None:
    """Wire the pipeline and put the webhook intake in front of the app."""
    house: House = app.extensions["house"]
    channels = load_channels(house.settings)
    connections = Connections(channels, house.vault)
    accounts = Accounts(house.database, connections, house.clock)
    stale_after = int(house.settings.stale_after_seconds * 1000)
    reception = Reception(house.database, house.clock, stale_after)
    counters = Counters()
    intake = Intake(app.wsgi_app, accounts, reception, counters)
    app.extensions["bot"] = Bot(house, channels, connections, accounts, reception, counters, intake)
    app.register_blueprint(probes)
    app.wsgi_app = intake
