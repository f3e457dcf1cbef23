import asyncio
import base64
import hashlib
import io

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.channels.cloud.http import Graph
from app.channels.cloud.media import (
    CloudMedia,
    MediaExpiredError,
    MediaGoneError,
    MediaInfo,
    MediaRefusedError,
    MediaUnreachableError,
    parse_info,
)
from app.channels.cloud.media_rules import MediaDamagedError, MediaHostError
from app.channels.content.media_limits import MEGABYTE, MediaTooLargeError
from app.channels.contract import RefusalClass

DATA = bytes(range(256)) * 1000
SHA = hashlib.sha256(DATA)
GONE = {"error": {"code": 100, "error_subcode": 33, "message": "Unsupported get request."}}


class FakeMeta:
    """A Graph API with one file; `files` answers for the file's address, `graph` for the rest."""

    def __init__(self, files=None, graph=None) -> None:
        self.files = files or self.send_file
        self.graph = graph
        self.requests = []

    async def send_file(self, _request):
        return web.Response(body=DATA)

    async def answer(self, request):
        self.requests.append((request.method, request.path, request.headers.get("Authorization")))
        if request.path == "/file":
            return await self.files(request)
        if self.graph is not None:
            return await self.graph(request)
        url = f"http://{request.host}/file"
        info = {
            "url": url,
            "mime_type": "image/png",
            "sha256": SHA.hexdigest(),
            "file_size": str(len(DATA)),
            "id": "77",
        }
        return web.json_response(info)

    def run(self, act, hosts=None):
        async def inner():
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self.answer)
            async with TestServer(app) as server, aiohttp.ClientSession() as http:
                host = f"127.0.0.1:{server.port}"
                media = CloudMedia(http, Graph(f"http://{host}/v25.0", "EAAG"), hosts or [host], lambda: 0.0)
                return await act(media, f"http://{host}/file")

        return asyncio.run(inner())


def download(meta, hosts=None, limit=MEGABYTE, sha256="", size=None):
    sink = io.BytesIO()
    written = meta.run(
        lambda media, url: media.download(MediaInfo(url, sha256=sha256, size=size), sink, limit), hosts
    )
    assert written == len(sink.getvalue())
    return sink.getvalue()


def test_a_file_is_resolved_streamed_and_verified():
    meta, sink = FakeMeta(), io.BytesIO()
    info = meta.run(lambda media, _url: media.fetch("77", sink))
    assert sink.getvalue() == DATA
    assert (info.mime, info.sha256, info.size) == ("image/png", SHA.hexdigest(), len(DATA))
    assert meta.requests == [("GET", "/v25.0/77", "Bearer EAAG"), ("GET", "/file", "Bearer EAAG")]


def test_the_checksum_may_be_hex_or_base64_or_absent():
    for sha256 in (SHA.hexdigest(), SHA.hexdigest().upper(), base64.b64encode(SHA.digest()).decode(), ""):
        assert download(FakeMeta(), sha256=sha256) == DATA


@pytest.mark.parametrize("sha256", ["0" * 64, base64.b64encode(b"0" * 32).decode(), "a1b2c3d4e5f6...", "é"])
def test_a_file_with_another_checksum_is_damaged(sha256):
    with pytest.raises(MediaDamagedError):
        download(FakeMeta(), sha256=sha256)


def test_a_file_beyond_the_cap_is_cut_off_whatever_was_announced():
    with pytest.raises(MediaTooLargeError):
        download(FakeMeta(), limit=len(DATA) - 1)
    with pytest.raises(MediaTooLargeError):
        download(FakeMeta(), limit=1000, size=1)
    announced = FakeMeta()
    with pytest.raises(MediaTooLargeError):
        download(announced, limit=1000, size=1001)
    assert announced.requests == []
    assert download(FakeMeta(), limit=len(DATA)) == DATA


def test_a_redirect_is_refused_before_the_token_travels():
    async def away(_request):
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/steal"})

    meta = FakeMeta(away)
    with pytest.raises(MediaHostError, match="points elsewhere"):
        download(meta)
    assert len(meta.requests) == 1


def test_a_host_that_is_not_listed_never_gets_the_token():
    meta = FakeMeta()
    with pytest.raises(MediaHostError, match="MEDIA_HOSTS"):
        download(meta, hosts=["lookaside.fbsbx.com", "127.0.0.1"])
    assert meta.requests == []


def test_an_expired_address_is_resolved_once_more():
    answers = [404, 200]

    async def sometimes(_request):
        status = answers.pop(0)
        return web.Response(status=status, body=DATA if status == 200 else b"")

    meta, sink = FakeMeta(sometimes), io.BytesIO()
    meta.run(lambda media, _url: media.fetch("77", sink))
    assert sink.getvalue() == DATA
    assert [path for _, path, _ in meta.requests] == ["/v25.0/77", "/file", "/v25.0/77", "/file"]


def test_an_address_that_stays_expired_is_an_error():
    async def never(_request):
        return web.Response(status=404)

    with pytest.raises(MediaExpiredError):
        FakeMeta(never).run(lambda media, _url: media.fetch("77", io.BytesIO()))


def test_a_file_host_in_trouble_is_explained():
    async def broken(_request):
        return web.Response(status=503)

    async def dropped(request):
        request.transport.abort()
        return web.Response()

    with pytest.raises(MediaRefusedError) as caught:
        download(FakeMeta(broken))
    assert caught.value.refusal.refusal_class is RefusalClass.TRANSIENT
    with pytest.raises(MediaUnreachableError):
        download(FakeMeta(dropped))


@pytest.mark.parametrize("act", [lambda media, _: media.resolve("77"), lambda media, _: media.delete("77")])
def test_a_media_id_that_is_gone_is_told_as_such(act):
    async def gone(_request):
        return web.json_response(GONE, status=400)

    with pytest.raises(MediaGoneError):
        FakeMeta(graph=gone).run(act)


def test_an_upload_sends_the_parts_meta_asks_for():
    parts = {}

    async def graph(request):
        form = await request.post()
        file = form["file"]
        parts.update(form, name=file.filename, mime=file.content_type, data=file.file.read())
        return web.json_response({"id": "985569392615996"})

    meta = FakeMeta(graph=graph)
    file = io.BytesIO(DATA)
    assert meta.run(lambda media, _: media.upload("1065", file, "image/png", "a.png")) == "985569392615996"
    assert meta.requests == [("POST", "/v25.0/1065/media", "Bearer EAAG")]
    assert (parts["messaging_product"], parts["type"]) == ("whatsapp", "image/png")
    assert (parts["name"], parts["mime"], parts["data"]) == ("a.png", "image/png", DATA)


def test_an_upload_that_meta_refuses_or_leaves_without_an_id_is_an_error():
    async def refuse(_request):
        return web.json_response({"error": {"code": 131053}}, status=400)

    async def forget(_request):
        return web.json_response({})

    for graph, expected in ((refuse, MediaRefusedError), (forget, MediaUnreachableError)):
        with pytest.raises(expected):
            FakeMeta(graph=graph).run(
                lambda media, _: media.upload("1065", io.BytesIO(b"x"), "image/png", "a.png")
            )


def test_deleting_asks_meta_once():
    meta = FakeMeta()
    meta.run(lambda media, _: media.delete("77"))
    assert meta.requests == [("DELETE", "/v25.0/77", "Bearer EAAG")]


def test_a_graph_that_cannot_be_reached_is_an_error():
    async def run():
        async with aiohttp.ClientSession() as http:
            await CloudMedia(http, Graph("http://no-such-host.invalid/v25.0", "EAAG"), []).resolve("77")

    with pytest.raises(MediaUnreachableError):
        asyncio.run(run())


def test_the_media_object_of_a_webhook_is_read_tolerantly():
    assert parse_info({"url": "https://x", "file_size": 5, "sha256": None}) == MediaInfo("https://x", size=5)
    assert parse_info({"url": "https://x", "file_size": "many"}) == MediaInfo("https://x")
    for junk in (None, {}, {"url": 5}):
        with pytest.raises(MediaExpiredError):
            parse_info(junk)
