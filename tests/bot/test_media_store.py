"""Files: fetched once, kept by their content, tried again, given up, uploaded before they are sent."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app import create_app
from app.bot import media_store, uploading, writing
from app.bot.channels.cloud.config import CloudConfig
from app.bot.channels.contract import Fault, FileGone, Inbound, Outbound, Person, Refused, Sent
from app.bot.connections import Wish
from app.bot.fetching import Fetcher
from app.bot.files import FileStore, reference, referenced
from app.bot.media_store import Fetched
from app.bot.models import MediaFile
from app.bot.template_forms import TemplateRefused, fill
from app.bot.wiring import Bot
from app.bot.writing import Draft, Upload, WritingRefused
from app.db import Base
from app.signals import DomainError
from bench.fake_graph import Options, ThreadedGraph, running
from bench.graph_media import Medium
from tests.bot.conftest import Desk, inbound
from tests.conftest import SHARED

CAT = b"\x89PNG\r\n\x1a\n a cat"
ACCOUNT = "106540352242922"


@pytest.fixture
def graph() -> Iterator[ThreadedGraph]:
    schema = SHARED / "fixtures/whatsapp_openapi/outbound_message.schema.json"
    with running(Options(schema=schema)) as fake:
        yield fake


@pytest.fixture
def shop(settings: Any, graph: ThreadedGraph) -> Iterator[tuple[Bot, int]]:
    """An installation whose number talks to the fake Graph."""
    host = graph.url.removeprefix("http://")
    given = settings.model_copy(update={"graph_base_url": graph.url, "media_hosts": (host,)})
    app: Flask = create_app(given)
    house = app.extensions["house"]
    Base.metadata.create_all(house.database.engine)
    bot: Bot = app.extensions["bot"]
    config = {
        "access_token": "EAAG",
        "app_secret": "abc",
        "verify_token": "word",
        "business_account": "555000555",
    }
    wish = Wish("Shop", "cloud", ACCOUNT, config, None, 0, 0)
    made = house.database.write(lambda session: bot.connections.create(session, wish, 1))
    yield bot, made.id
    house.database.writer.close()
    bot.close()
    house.database.engine.dispose()


def photo(media_id: str, number: int = 1, kind: str = "image", **more: Any) -> Inbound:
    body = {"id": media_id, "mime_type": "image/png", **more}
    return Inbound(
        f"wamid.{number}", Person(None, "15550001", "Ada"), kind, "", 0, {"type": kind, kind: body}
    )


def files(bot: Bot) -> list[MediaFile]:
    with bot.house.database.read() as session:
        return list(session.scalars(select(MediaFile).order_by(MediaFile.id)))


def fetcher(bot: Bot, clock: Callable[[], int] | None = None) -> Fetcher:
    house = bot.house
    return Fetcher(house.database, bot.channels, bot.accounts, bot.files, clock or house.clock)


def test_a_file_that_came_is_fetched_and_lies_there_once(shop: tuple[Bot, int], graph: ThreadedGraph):
    bot, connection_id = shop
    ids = [graph.media.add(Medium("image/png", CAT)) for _ in range(2)]
    bot.accept_local(connection_id, [photo(each, n) for n, each in enumerate(ids)])
    bot.accept_local(connection_id, [photo(ids[0], 0)])
    assert fetcher(bot).look() == 2
    kept = files(bot)
    assert [(file.state, file.size, file.mime) for file in kept] == [("kept", len(CAT), "image/png")] * 2
    digest = hashlib.sha256(CAT).hexdigest()
    assert {file.sha256 for file in kept} == {digest}
    path = bot.files.path(digest)
    assert path
    assert path.read_bytes() == CAT
    assert [each.name for each in path.parent.parent.rglob("*") if each.is_file()] == [digest]
    assert fetcher(bot).look() == 0


def test_what_is_gone_is_not_asked_for_again_and_what_fails_is(shop: tuple[Bot, int], graph: ThreadedGraph):
    bot, connection_id = shop
    lost = graph.media.add(Medium("image/png", CAT))
    bot.accept_local(connection_id, [photo("123456", 1), photo(lost, 2)])
    graph.plan({"on": "get", "code": 131000}, {"on": "get", "code": 131000})
    assert fetcher(bot).look() == 2
    states = sorted(file.state for file in files(bot))
    assert states in (["gone", "wanted"], ["wanted", "wanted"])
    later = bot.house.clock() + 60_000
    fetcher(bot, lambda: later).look()
    fetcher(bot, lambda: later + 60_000).look()
    assert sorted(file.state for file in files(bot)) == ["gone", "kept"]
    (gone,) = [file for file in files(bot) if file.state == "gone"]
    assert "no longer" in (gone.error or "")


def test_a_host_that_may_not_see_the_token_is_not_asked(shop: tuple[Bot, int], graph: ThreadedGraph):
    bot, connection_id = shop
    media_id = graph.media.add(Medium("image/png", CAT))
    evil = {"url": "https://evil.example/x", "mime_type": "image/png", "id": media_id}
    graph.plan({"on": "get", "http_status": 200, "body": evil})
    bot.accept_local(connection_id, [photo(media_id)])
    fetcher(bot).look()
    (file,) = files(bot)
    assert (file.state, file.sha256) == ("gone", None)
    assert "evil.example" in (file.error or "")


def test_tries_are_spaced_out_and_end(desk: Desk):
    desk.accept(photo("77"))
    now = desk.clock()
    waits = []
    for _ in range(media_store.MAX_TRIES):
        ((wanted,),) = [desk.database.writer.submit(media_store.take_due, now).result()]
        assert desk.database.writer.submit(media_store.take_due, now).result() == []
        desk.change(lambda s, w=wanted, at=now: media_store.store(s, Fetched(w, error="no network"), at))
        (row,) = desk.read(select(MediaFile.next_at, MediaFile.state))
        waits.append(row["next_at"] - now)
        now = row["next_at"]
    assert waits[:3] == [5_000, 10_000, 20_000]
    assert row["state"] == "failed"
    assert desk.database.writer.submit(media_store.take_due, now).result() == []
    (message,) = desk.messages("in")
    assert desk.change(lambda s: media_store.want_again(s, message.id, now))
    assert len(desk.database.writer.submit(media_store.take_due, now).result()) == 1


def test_messages_without_a_file_want_none(desk: Desk):
    desk.accept(inbound(1, desk.clock), photo("", 2), photo("9", 3, errors=[]))
    assert len(desk.read(select(MediaFile.id))) == 1


def test_a_broken_transfer_leaves_nothing_behind(tmp_path: Path):
    with FileStore(tmp_path).taking() as incoming:
        incoming.write(b"half")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize(
    ("name", "mime", "size", "kind"),
    [
        ("cat.png", "image/png", 5 * 1024 * 1024, "image"),
        ("cat.png", "application/octet-stream", 9, "image"),
        ("song.ogg", "audio/ogg; codecs=opus", 9, "audio"),
        ("page.html", "text/html", 9, "document"),
        ("x", "", 9, "document"),
    ],
)
def test_a_file_is_sent_as_what_whatsapp_shows(tmp_path: Path, name: str, mime: str, size: int, kind: str):
    found, upload = uploading.take(FileStore(tmp_path), io.BytesIO(b"x" * size), name, mime)
    assert (found, upload.size, upload.filename) == (kind, size, name)


@pytest.mark.parametrize(
    ("name", "mime", "size"),
    [
        ("cat.png", "image/png", 5 * 1024 * 1024 + 1),
        ("a.webp", "image/webp", 500 * 1024 + 1),
        ("a.png", "image/png", 0),
    ],
)
def test_a_file_beyond_whatsapps_limits_leaves_nothing_behind(
    tmp_path: Path, name: str, mime: str, size: int
):
    with pytest.raises(DomainError):
        uploading.take(FileStore(tmp_path), io.BytesIO(b"x" * size), name, mime)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_name_files(tmp_path: Path, name: str):
    assert FileStore(tmp_path).path(name) is None


def test_files_that_no_message_has_may_be_deleted(desk: Desk):
    desk.accept(photo("1", 1), photo("2", 2))
    desk.change(lambda s: s.execute(update(MediaFile).values(sha256="a" * 64)))
    with desk.database.read() as session:
        assert media_store.unneeded(session, ["a" * 64, "b" * 64]) == ["b" * 64]
    desk.change(lambda s: s.execute(delete(MediaFile)))
    with desk.database.read() as session:
        assert media_store.unneeded(session, ["a" * 64]) == ["a" * 64]


def send(bot: Bot, content: dict[str, Any]) -> Any:
    account = bot.accounts.of("cloud")[0]

    async def go() -> Any:
        async with aiohttp.ClientSession() as http:
            outbound = Outbound("bx" + "0" * 30, ACCOUNT, Person(phone="15550001"), content)
            return await bot.channels["cloud"].send(http, account.config, outbound)

    return asyncio.run(go())


def test_a_file_of_ours_is_uploaded_before_it_is_sent(shop: tuple[Bot, int], graph: ThreadedGraph):
    bot, _ = shop
    with bot.files.taking() as incoming:
        incoming.write(CAT)
        digest = incoming.keep()
    content = writing.file_content("image", Upload(digest, "image/png", "cat.png", len(CAT)), "A cat")
    assert referenced(content["media_id"]) == (digest, "image/png")
    assert isinstance(send(bot, content), Sent)
    (accepted,) = graph.log
    assert accepted.request["image"]["caption"] == "A cat"
    assert accepted.request["image"]["id"] in graph.media
    graph.plan({"on": "media", "code": 131000})
    refused = send(bot, content)
    assert isinstance(refused, Refused)
    assert refused.fault is Fault.TRANSIENT
    bot.files.forget(digest)
    gone = send(bot, content)
    assert isinstance(gone, Refused)
    assert (gone.fault, gone.code) == (Fault.FIX, FileGone.code)
    assert len(graph.log) == 1


def test_what_an_operator_writes_is_sent_once_by_the_worker(desk: Desk):
    desk.turn(1)
    draft = Draft(desk.chat().id, "once" * 4, {"kind": "text", "text": "Hi"}, "Hi")
    ids = {desk.change(lambda s: writing.send(s, draft, desk.clock())) for _ in range(3)}
    assert len(ids) == 1
    (order,) = desk.claim().orders
    desk.complete(order, Sent("wamid.out"))
    (message,) = desk.messages()
    assert (message.state, message.author) == ("sent", "operator")
    assert desk.claim().orders == []


def test_what_is_written_while_an_answer_is_sent_goes_out_after_it(desk: Desk):
    desk.accept(inbound(1, desk.clock))
    order = desk.store(desk.claim().jobs[0], "from the brain").order
    assert order
    draft = Draft(desk.chat().id, "once" * 4, {"kind": "text", "text": "Hi"}, "Hi")
    desk.change(lambda s: writing.send(s, draft, desk.clock()))
    desk.complete(order, Sent("wamid.1"))
    (mine,) = desk.claim().orders
    desk.complete(mine, Sent("wamid.2"))
    assert [(message.text, message.state) for message in desk.messages()] == [
        ("from the brain", "sent"),
        ("Hi", "sent"),
    ]
    assert desk.claim().orders == []


def test_what_is_written_while_a_brain_thinks_is_sent(desk: Desk):
    desk.accept(inbound(1, desk.clock))
    job = desk.claim().jobs[0]
    draft = Draft(desk.chat().id, "once" * 4, {"kind": "text", "text": "Hi"}, "Hi")
    desk.change(lambda s: writing.send(s, draft, desk.clock()))
    desk.store(job, "from the brain")
    desk.clock.pass_seconds(5)
    (mine,) = desk.claim().orders
    desk.complete(mine, Sent("wamid.2"))
    assert ("Hi", "sent") in [(message.text, message.state) for message in desk.messages()]


def test_a_chat_that_is_gone_takes_nothing(desk: Desk):
    with pytest.raises(WritingRefused):
        desk.change(lambda s: writing.send(s, Draft(99, "x" * 16, {"kind": "text", "text": "Hi"}), 1))


def test_templates_are_listed_filled_in_and_taken_by_the_graph(shop: tuple[Bot, int], graph: ThreadedGraph):
    bot, connection_id = shop
    order, welcome = bot.templates(connection_id)
    assert [field.name for field in order.fields] == ["header-1", "body-1", "body-2", "button-0"]
    with pytest.raises(TemplateRefused, match="Fill in"):
        fill(order, {"header-1": "17"})
    values = {"header-1": "17", "body-1": "Ada", "body-2": "Monday", "button-0": "t17"}
    content, words = fill(order, values)
    assert words == "Your order 17\nHello Ada, your order leaves us on Monday.\nReply to talk to us"
    assert isinstance(send(bot, content), Sent)
    named, _ = fill(welcome, {"body-first_name": "Ada"})
    assert named["components"][0]["parameters"][0]["parameter_name"] == "first_name"
    assert isinstance(send(bot, named), Sent)
    graph.templates.clear()
    assert len(bot.templates(connection_id)) == 2
    assert bot.templates(connection_id, again=True) == []


def test_templates_that_cannot_be_had_say_what_to_do(shop: tuple[Bot, int], graph: ThreadedGraph):
    bot, connection_id = shop
    graph.plan({"on": "get", "code": 190})
    with pytest.raises(DomainError, match="token"):
        bot.templates(connection_id)
    config = CloudConfig(access_token="a", app_secret="b", verify_token="c")

    async def ask() -> Any:
        async with aiohttp.ClientSession() as http:
            return await bot.channels["cloud"].templates(http, config)

    with pytest.raises(DomainError, match="Business account id"):
        asyncio.run(ask())


def test_a_reference_survives_its_way():
    assert referenced(reference("a" * 64, "audio/ogg")) == ("a" * 64, "audio/ogg")
    assert referenced("123456") is None
    assert referenced(None) is None
