"""Every registered channel keeps to the contract; a new one is tested the moment it exists."""

import asyncio
import inspect
import re
import sys
from pathlib import Path

import pytest
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import select
from werkzeug.test import Client

import app.channels
from app.admin.ui.schema_form import build_fields
from app.bot.connections.registry import ConnectionRegistry
from app.bot.connections.store import ConnectionInput, ConnectionStore
from app.bot.failures.catalog import CAUSES, GENERAL_CATALOG, collect_causes
from app.bot.failures.causes import classify_failure
from app.bot.ingest.webhook import WebhookEndpoint
from app.bot.models import Chat, Message
from app.channels.content import build_text_content
from app.channels.contract import (
    Channel,
    CheckResult,
    OutboundMessage,
    Person,
    RefusalReason,
    SendRefusal,
    SendSuccess,
    StreamChannel,
    UnknownOutcome,
    UnreadableWebhookError,
    WebhookChannel,
)
from app.channels.registry import (
    DuplicateChannelError,
    UnsupportedChannelError,
    index_by_kind,
    index_by_path,
    iterate_channel_classes,
    list_error_catalogs,
    load_channels,
)
from tests.http_client.sessions import open_http

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def channels(settings):
    return load_channels(settings.model_copy(update={"graph_base_url": NOWHERE}))


@pytest.fixture(params=sorted(index_by_kind(iterate_channel_classes())))
def channel(request, channels):
    return channels[request.param]


def fill_config(config: type[BaseModel]) -> BaseModel:
    """Fill each required field with a word."""
    return config.model_validate(
        {name: "word" for name, field in config.model_fields.items() if field.is_required()}
    )


def test_the_shipped_channels_are_found(channels):
    assert {"cloud", "simulator"} <= set(channels)
    assert all(kind == channel.kind for kind, channel in channels.items())


def test_two_channels_of_one_kind_are_an_error(channels):
    first = type(channels["cloud"])
    with pytest.raises(DuplicateChannelError, match="cloud"):
        index_by_kind([first, type("Copy", (), {"kind": "cloud"})])


def test_a_channel_says_what_it_is(channel: Channel):
    assert re.fullmatch(r"[a-z][a-z_]{1,31}", channel.kind)
    assert channel.title.strip()
    assert channel.window_hours is None or channel.window_hours > 0
    assert all((channel.setup.provider, channel.setup.description, channel.setup.invitation))
    assert bool(channel.setup.account_field) != bool(channel.setup.account_prefix)
    assert channel.setup.generated_field in {"", *channel.Config.model_fields}
    refusal = channel.window_refusal
    assert (refusal is None) == (channel.window_hours is None)
    assert refusal is None or refusal.reason is RefusalReason.WINDOW_CLOSED
    assert isinstance(channel.is_idempotent, bool)
    assert isinstance(channel.is_simulated, bool)


def test_a_channel_draws_its_form_and_hides_its_secrets(channel: Channel):
    fields = channel.Config.model_fields
    assert channel.secrets <= set(fields)
    for name, field in fields.items():
        assert field.title, name
        assert field.description, name
    assert "word" not in repr(fill_config(channel.Config)) or not channel.secrets
    stored = fill_config(channel.Config).model_dump(mode="json")
    assert channel.Config.model_validate(stored) == fill_config(channel.Config)


def test_a_channel_cleans_the_account_it_routes_by(channel: Channel):
    assert channel.clean_account(" 1234567 ") == "1234567"


def test_a_channel_sends_and_checks_without_raising(channel: Channel):
    async def run():
        outbound = OutboundMessage("bx1", "1065", Person(phone="233200000001"), build_text_content("hi"))
        config = fill_config(channel.Config)
        async with open_http() as http:
            return await channel.send(http, config, outbound), await channel.check(http.files, config, "1065")

    assert inspect.iscoroutinefunction(channel.send)
    result, checked = asyncio.run(run())
    assert isinstance(result, SendSuccess | SendRefusal | UnknownOutcome)
    assert isinstance(checked, CheckResult)
    assert checked.message.endswith(".")


def test_a_channel_says_which_files_it_takes(channel: Channel):
    for kind, limit in channel.media_limits.items():
        assert kind in {"image", "video", "audio", "document", "sticker"}
        assert limit.max_bytes > 0
        assert all(name == name.lower() and "/" in name for name in limit.types)


def test_a_channel_names_the_cause_of_each_of_its_codes(channel: Channel):
    catalog = channel.error_catalog
    known = {*(each.id for each in catalog.causes), *(each.id for each in GENERAL_CATALOG.causes)}
    assert {*catalog.by_code.values(), *catalog.by_prefix.values()} <= known
    assert {cause for _, cause in catalog.by_range} <= known
    for cause in catalog.causes:
        assert all((cause.title, cause.description, cause.remedy, cause.remedy_target))
    if channel.window_refusal:
        refusal = channel.window_refusal
        assert classify_failure("failed", refusal.code).id == "window"


def test_no_code_has_two_meanings():
    """Failures are grouped by code alone, so the codes of all channels stand in one space."""
    codes = [code for catalog in (*list_error_catalogs(), GENERAL_CATALOG) for code in catalog.by_code]
    assert len(codes) == len(set(codes))


def test_a_webhook_channel_refuses_what_proves_nothing(channel: Channel):
    if not isinstance(channel, WebhookChannel):
        pytest.skip("takes no webhooks")
    assert re.fullmatch(r"/webhooks/[a-z0-9_/-]+", channel.path)
    configs = {1: fill_config(channel.Config)}
    assert not channel.verify(b"{}", {}, {})
    assert not channel.verify(b"{}", {}, configs)
    assert channel.answer_handshake({}, configs.values()) is None
    with pytest.raises(UnreadableWebhookError):
        channel.parse(b"\xff{")


SCRATCH = """
import json

from pydantic import BaseModel, Field

from app.channels.content.media_limits import MediaLimit
from app.channels.contract import AccountBatch, CheckResult, FileGoneError, InboundMessage, Person, SendSuccess
from app.channels.contract import UnreadableWebhookError
from app.channels.error_catalog import CauseScope, ErrorCatalog, ErrorCause
from app.channels.setup_guide import AccountField, SetupGuide


class Config(BaseModel):
    token: str = Field(title="Pager token", description="From the pager company.")
    region: str = Field(default="north", title="Region", description="Where the masts stand.")


class PagerChannel:
    kind = "pager"
    title = "Pager"
    Config = Config
    secrets = frozenset({"token"})
    setup = SetupGuide(
        "the pager company",
        "A pager.",
        "Connect a pager",
        account_field=AccountField("Pager number", "It is on its back."),
        steps=("Look for **the label** with `PGR`.",),
    )
    path = "/webhooks/pager"
    window_hours = None
    window_refusal = None
    is_idempotent = True
    is_simulated = False
    media_limits = {"image": MediaLimit(1000, frozenset({"image/png"}))}
    error_catalog = ErrorCatalog(
        causes=[ErrorCause("mast", CauseScope.OUTAGE, "Mast down", "A mast is down.", "Wait", "again")],
        by_code={"mast_down": "mast"},
    )

    def __init__(self, settings):
        pass

    @staticmethod
    def clean_account(text):
        return text.strip()

    async def send(self, http, config, outbound):
        return SendSuccess(outbound.key)

    async def check(self, http, config, account):
        return CheckResult(ok=True, message="It beeps.")

    async def fetch(self, http, config, media_id, sink):
        raise FileGoneError("A pager has no files.")

    async def list_templates(self, http, config):
        return ()

    def answer_handshake(self, query, configs):
        return None

    def verify(self, body, headers, configs):
        return {each for each, config in configs.items() if headers.get("X-Pager-Token") == config.token}

    def parse(self, body):
        try:
            data = json.loads(body)
        except ValueError:
            raise UnreadableWebhookError("no JSON") from None
        person = Person(phone=data["from"])
        item = InboundMessage(data["id"], person, "text", data["text"], 0, data)
        return [AccountBatch(data["account"], [item])]
"""


@pytest.fixture
def drop_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put one file into the channels' folder, as a stranger would."""

    def drop(source: str, name: str = "pager") -> None:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(app.channels, "__path__", [*app.channels.__path__, str(tmp_path)])
        monkeypatch.delitem(sys.modules, f"app.channels.{name}", raising=False)

    yield drop
    for name in ("pager", "copy"):
        sys.modules.pop(f"app.channels.{name}", None)


def test_one_new_file_is_a_channel_with_its_form_and_its_causes(drop_channel, settings):
    drop_channel(SCRATCH)
    pager = load_channels(settings)["pager"]
    assert (pager.title, isinstance(pager, WebhookChannel), isinstance(pager, StreamChannel)) == (
        "Pager",
        True,
        False,
    )
    fields = build_fields(pager.Config, pager.secrets, {}, stored=False)
    assert [(each.name, each.label, each.secret) for each in fields] == [
        ("token", "Pager token", True),
        ("region", "Region", False),
    ]
    assert "mast" in collect_causes(list_error_catalogs())
    assert "mast" not in CAUSES


@pytest.mark.parametrize(("hours", "until"), [(2, 2), (72, 72), (None, 24)])
def test_the_webhook_of_a_new_channel_is_answered_and_stored_with_its_own_window(
    drop_channel, settings, installation: Flask, hours: int | None, until: int
):
    drop_channel(SCRATCH.replace("window_hours = None", f"window_hours = {hours}"))
    services = installation.extensions["services"]
    channels = load_channels(settings)
    registry = ConnectionRegistry(
        services.database, ConnectionStore(channels, services.vault), services.clock
    )
    made = ConnectionInput("Pagers", "pager", "7", {"token": "beep"})
    store = ConnectionStore(channels, services.vault)
    services.database.write(lambda session: store.create(session, made, services.clock()))
    endpoint = WebhookEndpoint(channels, registry, services.receiver, services.counters)
    client = Client(endpoint.mount(installation.wsgi_app))
    body = {"account": "7", "from": "233200000001", "id": "p1", "text": "beep"}
    assert client.post("/webhooks/pager", json=body).status_code == 401
    headers = {"X-Pager-Token": "beep"}
    assert client.post("/webhooks/pager", json=body, headers=headers).status_code == 200
    with services.database.read() as session:
        assert session.scalars(select(Message.text)).all() == ["beep"]
        row = session.execute(select(Message.created_at, Chat.window_until).join(Chat)).one()
        assert row.window_until - row.created_at == until * 3_600_000


def test_two_channels_of_one_webhook_path_are_an_error(drop_channel, settings):
    drop_channel(SCRATCH)
    drop_channel(SCRATCH.replace('kind = "pager"', 'kind = "copy"'), "copy")
    channels = load_channels(settings)
    with pytest.raises(DuplicateChannelError, match="/webhooks/pager"):
        index_by_path(channels)


def test_a_channel_that_needs_a_stream_is_refused_until_one_is_run(drop_channel, settings):
    drop_channel(SCRATCH + "\n    async def run(self, config, account, receive):\n        pass\n")
    with pytest.raises(UnsupportedChannelError, match="pager"):
        load_channels(settings)
