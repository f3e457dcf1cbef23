"""Files: fetched once, kept by their content, tried again, given up, uploaded before they are sent."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app import create_app
from app.bot.chats import send as chats_send
from app.bot.chats.templates import TemplateFormError, fill
from app.bot.connections.store import ConnectionInput
from app.bot.media import downloads
from app.bot.media.downloads import DownloadResult
from app.bot.media.fetcher import Fetcher
from app.bot.media.uploads import Upload
from app.bot.models import MediaFile
from app.channels.cloud.config import CloudConfig
from app.channels.contract import (
    FileGoneError,
    InboundMessage,
    OutboundMessage,
    Person,
    RefusalClass,
    SendRefusal,
    SendSuccess,
)
from app.files import parse_reference
from app.services import Services
from app.signals import DomainError
from bench.fake_graph import ThreadedGraph, running
from bench.graph import Options
from bench.graph_media import Medium
from tests.bot.conftest import Pipeline, build_inbound
from tests.conftest import SHARED
from tests.http_client.sessions import open_http
from tests.tables import create_tables

CAT = b"\x89PNG\r\n\x1a\n a cat"
ACCOUNT = "106540352242922"


@pytest.fixture
def graph() -> Iterator[ThreadedGraph]:
    schema = SHARED / "fixtures/whatsapp_openapi/outbound_message.schema.json"
    with running(Options(schema=schema)) as fake:
        yield fake


@pytest.fixture
def cloud_bot(settings: Any, graph: ThreadedGraph) -> Iterator[tuple[Services, int]]:
    """An installation whose number talks to the fake Graph."""
    host = graph.url.removeprefix("http://")
    given = settings.model_copy(update={"graph_base_url": graph.url, "media_hosts": (host,)})
    app: Flask = create_app(given)
    services = app.extensions["services"]
    create_tables(services.database.engine)
    services: Services = app.extensions["services"]
    config = {
        "access_token": "EAAG",
        "app_secret": "abc",
        "verify_token": "word",
        "business_account": "555000555",
    }
    fields = ConnectionInput("Shop", "cloud", ACCOUNT, config, None, 0, 0)
    made = services.database.write(lambda session: services.connections.create(session, fields, 1))
    yield services, made.id
    services.database.writer.close()
    services.close()
    services.database.engine.dispose()


def build_photo(media_id: str, number: int = 1, kind: str = "image", **more: Any) -> InboundMessage:
    body = {"id": media_id, "mime_type": "image/png", **more}
    return InboundMessage(
        f"wamid.{number}", Person(None, "15550001", "Ada"), kind, "", 0, {"type": kind, kind: body}
    )


def list_files(services: Services) -> list[MediaFile]:
    with services.database.read() as session:
        return list(session.scalars(select(MediaFile).order_by(MediaFile.id)))


def build_fetcher(services: Services, clock: Callable[[], int] | None = None) -> Fetcher:
    return Fetcher(
        services.database, services.channels, services.registry, services.files, clock or services.clock
    )


def test_a_file_that_came_is_fetched_and_lies_there_once(
    cloud_bot: tuple[Services, int], graph: ThreadedGraph
):
    services, connection_id = cloud_bot
    ids = [graph.media.add(Medium("image/png", CAT)) for _ in range(2)]
    services.receive_local(connection_id, [build_photo(each, n) for n, each in enumerate(ids)])
    services.receive_local(connection_id, [build_photo(ids[0], 0)])
    assert build_fetcher(services).fetch_due() == 2
    kept = list_files(services)
    assert [(file.state, file.size, file.mime) for file in kept] == [("kept", len(CAT), "image/png")] * 2
    digest = hashlib.sha256(CAT).hexdigest()
    assert {file.sha256 for file in kept} == {digest}
    path = services.files.find_path(digest)
    assert path
    assert path.read_bytes() == CAT
    assert [each.name for each in path.parent.parent.rglob("*") if each.is_file()] == [digest]
    assert build_fetcher(services).fetch_due() == 0


def test_what_is_gone_is_not_asked_for_again_and_what_fails_is(
    cloud_bot: tuple[Services, int], graph: ThreadedGraph
):
    services, connection_id = cloud_bot
    lost = graph.media.add(Medium("image/png", CAT))
    services.receive_local(connection_id, [build_photo("123456", 1), build_photo(lost, 2)])
    graph.plan({"on": "get", "code": 131000}, {"on": "get", "code": 131000})
    assert build_fetcher(services).fetch_due() == 2
    states = sorted(file.state for file in list_files(services))
    assert states in (["gone", "wanted"], ["wanted", "wanted"])
    later = services.clock() + 60_000
    build_fetcher(services, lambda: later).fetch_due()
    build_fetcher(services, lambda: later + 60_000).fetch_due()
    assert sorted(file.state for file in list_files(services)) == ["gone", "kept"]
    (gone,) = [file for file in list_files(services) if file.state == "gone"]
    assert "no longer" in (gone.error or "")


def test_a_host_that_may_not_see_the_token_is_not_asked(
    cloud_bot: tuple[Services, int], graph: ThreadedGraph
):
    services, connection_id = cloud_bot
    media_id = graph.media.add(Medium("image/png", CAT))
    evil = {"url": "https://evil.example/x", "mime_type": "image/png", "id": media_id}
    graph.plan({"on": "get", "http_status": 200, "body": evil})
    services.receive_local(connection_id, [build_photo(media_id)])
    build_fetcher(services).fetch_due()
    (file,) = list_files(services)
    assert (file.state, file.sha256) == ("gone", None)
    assert "evil.example" in (file.error or "")


def test_tries_are_spaced_out_and_end(pipeline: Pipeline):
    pipeline.ingest(build_photo("77"))
    now = pipeline.clock()
    waits = []
    for _ in range(downloads.MAX_ATTEMPTS):
        ((wanted,),) = [pipeline.database.writer.submit(downloads.claim_due, now).result()]
        assert pipeline.database.writer.submit(downloads.claim_due, now).result() == []
        pipeline.write(
            lambda s, w=wanted, at=now: downloads.record_result(s, DownloadResult(w, error="no network"), at)
        )
        (row,) = pipeline.select_rows(select(MediaFile.next_at, MediaFile.state))
        waits.append(row["next_at"] - now)
        now = row["next_at"]
    assert waits[:3] == [5_000, 10_000, 20_000]
    assert row["state"] == "failed"
    assert pipeline.database.writer.submit(downloads.claim_due, now).result() == []
    (message,) = pipeline.list_messages("in")
    assert pipeline.write(lambda s: downloads.requeue(s, message.id, now))
    assert len(pipeline.database.writer.submit(downloads.claim_due, now).result()) == 1


def test_messages_without_a_file_want_none(pipeline: Pipeline):
    pipeline.ingest(build_inbound(1, pipeline.clock), build_photo("", 2), build_photo("9", 3, errors=[]))
    assert len(pipeline.select_rows(select(MediaFile.id))) == 1


def test_files_that_no_message_has_may_be_deleted(pipeline: Pipeline):
    pipeline.ingest(build_photo("1", 1), build_photo("2", 2))
    pipeline.write(lambda s: s.execute(update(MediaFile).values(sha256="a" * 64)))
    with pipeline.database.read() as session:
        assert downloads.find_unreferenced(session, ["a" * 64, "b" * 64]) == ["b" * 64]
    pipeline.write(lambda s: s.execute(delete(MediaFile)))
    with pipeline.database.read() as session:
        assert downloads.find_unreferenced(session, ["a" * 64]) == ["a" * 64]


def send(services: Services, content: dict[str, Any]) -> Any:
    account = services.registry.list_by_channel("cloud")[0]

    async def go() -> Any:
        async with open_http() as http:
            outbound = OutboundMessage("bx" + "0" * 30, ACCOUNT, Person(phone="15550001"), content)
            return await services.channels["cloud"].send(http, account.config, outbound)

    return asyncio.run(go())


def test_a_file_of_ours_is_uploaded_before_it_is_sent(cloud_bot: tuple[Services, int], graph: ThreadedGraph):
    services, _ = cloud_bot
    with services.files.open_incoming() as incoming:
        incoming.write(CAT)
        digest = incoming.save()
    content = chats_send.build_file_content(
        "image", Upload(digest, "image/png", "cat.png", len(CAT)), "A cat"
    )
    assert parse_reference(content["media_id"]) == (digest, "image/png")
    assert isinstance(send(services, content), SendSuccess)
    (accepted,) = graph.log
    assert accepted.request["image"]["caption"] == "A cat"
    assert accepted.request["image"]["id"] in graph.media
    graph.plan({"on": "media", "code": 131000})
    refused = send(services, content)
    assert isinstance(refused, SendRefusal)
    assert refused.refusal_class is RefusalClass.TRANSIENT
    services.files.delete(digest)
    gone = send(services, content)
    assert isinstance(gone, SendRefusal)
    assert (gone.refusal_class, gone.code) == (RefusalClass.FIX, FileGoneError.code)
    assert len(graph.log) == 1


def test_templates_are_listed_filled_in_and_taken_by_the_graph(
    cloud_bot: tuple[Services, int], graph: ThreadedGraph
):
    services, connection_id = cloud_bot
    order, welcome = services.list_templates(connection_id)
    assert [field.name for field in order.fields] == ["header-1", "body-1", "body-2", "button-0"]
    with pytest.raises(TemplateFormError, match="Fill in"):
        fill(order, {"header-1": "17"})
    values = {"header-1": "17", "body-1": "Ada", "body-2": "Monday", "button-0": "t17"}
    content, words = fill(order, values)
    assert words == "Your order 17\nHello Ada, your order leaves us on Monday.\nReply to talk to us"
    assert isinstance(send(services, content), SendSuccess)
    named, _ = fill(welcome, {"body-first_name": "Ada"})
    assert named["components"][0]["parameters"][0]["parameter_name"] == "first_name"
    assert isinstance(send(services, named), SendSuccess)
    graph.templates.clear()
    assert len(services.list_templates(connection_id)) == 2
    assert services.list_templates(connection_id, again=True) == []


def test_templates_that_cannot_be_had_say_what_to_do(cloud_bot: tuple[Services, int], graph: ThreadedGraph):
    services, connection_id = cloud_bot
    graph.plan({"on": "get", "code": 190})
    with pytest.raises(DomainError, match="token"):
        services.list_templates(connection_id)
    config = CloudConfig(access_token="a", app_secret="b", verify_token="c")

    async def ask() -> Any:
        async with aiohttp.ClientSession() as http:
            return await services.channels["cloud"].list_templates(http, config)

    with pytest.raises(DomainError, match="Business account id"):
        asyncio.run(ask())
