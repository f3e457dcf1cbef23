import asyncio
import socket
import time

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.bot.channels.cloud import CloudChannel, CloudConfig
from app.bot.channels.contract import Checked, Fault, Outbound, Person, Refused, Sent, Uncertain
from app.bot.content import text_content

CONFIG = CloudConfig(access_token="EAAGtoken", app_secret="abc", verify_token="word")
OUTBOUND = Outbound("bx1", "1065", Person(phone="233200000001"), text_content("hi"))
SHORT = aiohttp.ClientTimeout(total=5, connect=2, sock_connect=2, sock_read=0.3)


def graph(settings, url):
    return settings.model_copy(update={"graph_base_url": url})


def against(settings, handler, act):
    """Run `act(channel, http)` against a Graph API that answers with `handler`."""

    async def run():
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        async with TestServer(app) as server, aiohttp.ClientSession() as http:
            url = str(server.make_url("")).rstrip("/")
            return await act(CloudChannel(graph(settings, url), clock=lambda: 0.0, timeout=SHORT), http)

    return asyncio.run(run())


def sent(settings, handler, outbound=OUTBOUND):
    return against(settings, handler, lambda channel, http: channel.send(http, CONFIG, outbound))


def checked(settings, handler):
    return against(settings, handler, lambda channel, http: channel.check(http, CONFIG, "1065"))


def answer(body, status=200, headers=None):
    async def handler(_request):
        return web.json_response(body, status=status, headers=headers)

    return handler


def error(code, subcode=None):
    return {"error": {"code": code, "message": "m", "error_subcode": subcode}}


def test_an_accepted_message_gives_its_id_and_the_request_is_whole(settings):
    seen = []

    async def handler(request):
        seen.append((request.method, request.path, request.headers["Authorization"], await request.json()))
        return web.json_response({"messages": [{"id": "wamid.1", "message_status": "accepted"}]})

    assert sent(settings, handler) == Sent("wamid.1")
    body = {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "233200000001", "type": "text",
        "text": {"body": "hi", "preview_url": False}, "biz_opaque_callback_data": "bx1",
    }  # fmt: skip
    assert seen == [("POST", "/v25.0/1065/messages", "Bearer EAAGtoken", body)]


@pytest.mark.parametrize(
    "body", [{}, [], None, {"messages": []}, {"messages": [{"id": 5.5}]}, {"success": True}]
)
def test_an_acceptance_without_an_id_is_uncertain(settings, body):
    assert isinstance(sent(settings, answer(body)), Uncertain)


def test_an_answer_that_is_no_json_or_too_long_is_uncertain(settings):
    async def html(_request):
        return web.Response(text="<html>")

    async def endless(_request):
        return web.Response(text='{"messages": [{"id": "wamid.1"}], "x": "' + "x" * 70_000 + '"}')

    assert isinstance(sent(settings, html), Uncertain)
    assert isinstance(sent(settings, endless), Uncertain)


def test_refusals_are_classified_with_their_wait(settings):
    assert sent(settings, answer(error(131047), 400)).fault is Fault.NEVER
    limited = sent(settings, answer(error(130429), 429, {"Retry-After": "12"}))
    assert (limited.fault, limited.code, limited.retry_after) == (Fault.LIMIT, "130429", 12.0)
    assert sent(settings, answer({}, 500)).fault is Fault.TRANSIENT
    assert sent(settings, answer(error(190), 401)).fault is Fault.TOKEN


def test_a_redirect_is_not_followed_with_the_token(settings):
    paths = []

    async def handler(request):
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert sent(settings, handler).fault is Fault.FIX
    assert paths == ["/v25.0/1065/messages"]


def test_a_connection_dropped_after_the_request_is_uncertain_and_not_repeated(settings):
    reads = []

    async def handler(request):
        reads.append(await request.json())
        request.transport.abort()
        return web.Response()

    assert isinstance(sent(settings, handler), Uncertain)
    assert len(reads) == 1


def test_a_connection_dropped_within_the_answer_is_uncertain(settings):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"messages"')
        request.transport.abort()
        return response

    assert isinstance(sent(settings, handler), Uncertain)


def test_a_refusal_whose_reason_was_lost_is_tried_again(settings):
    async def handler(request):
        response = web.StreamResponse(status=400, headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"error"')
        request.transport.abort()
        return response

    result = sent(settings, handler)
    assert (result.fault, result.code) == (Fault.TRANSIENT, "http_400")


def test_no_answer_in_time_is_uncertain(settings):
    async def handler(_request):
        await asyncio.sleep(1)
        return web.json_response({})

    started = time.monotonic()
    assert isinstance(sent(settings, handler), Uncertain)
    assert time.monotonic() - started < 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://127.0.0.1:{port}", Fault.TRANSIENT),
        ("http://no-such-host.invalid", Fault.TRANSIENT),
        ("graph", Fault.FIX),
        ("ftp://graph", Fault.FIX),
        ("http://", Fault.FIX),
    ],
)
def test_what_was_certainly_not_sent_is_refused(settings, url, fault):
    async def run():
        channel = CloudChannel(graph(settings, url.format(port=free_port())))
        async with aiohttp.ClientSession() as http:
            return await channel.send(http, CONFIG, OUTBOUND), await channel.check(http, CONFIG, "1065")

    result, seen = asyncio.run(run())
    assert isinstance(result, Refused)
    assert result.fault is fault
    assert not seen.ok


def test_a_failed_tls_handshake_is_certainly_not_sent(settings):
    async def run():
        async def talk(_reader, writer):
            writer.write(b"220 not tls\r\n")
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, aiohttp.ClientSession() as http:
            return await CloudChannel(graph(settings, f"https://127.0.0.1:{port}")).send(
                http, CONFIG, OUTBOUND
            )

    assert asyncio.run(run()).fault is Fault.TRANSIENT


def test_content_that_cannot_be_sent_is_refused_without_a_request(settings):
    outbound = Outbound("bx1", "1065", Person(phone="1"), {"kind": "text", "text": ""})
    assert sent(settings, answer({}), outbound) == Refused(Fault.FIX, "content", "The text is empty.")
    nobody = Outbound("bx1", "1065", Person(), text_content("hi"))
    assert sent(settings, answer({}), nobody).code == "no_address"


def test_a_check_names_the_number(settings):
    seen = []

    async def handler(request):
        seen.append((request.method, request.path, request.query["fields"]))
        return web.json_response(
            {"display_phone_number": "+1 555-0100", "verified_name": "Acme", "quality_rating": "GREEN"}
        )

    assert checked(settings, handler) == Checked(
        ok=True, message="Connected to Acme (+1 555-0100), quality high."
    )
    assert seen == [("GET", "/v25.0/1065", "display_phone_number,verified_name,quality_rating")]


def test_a_check_says_what_is_wrong(settings):
    assert "check the id and the token" in checked(settings, answer(error(100, 33), 400)).message
    assert "new system-user token" in checked(settings, answer(error(190), 401)).message
    assert "phone number id" in checked(settings, answer({"id": "1065"})).message
