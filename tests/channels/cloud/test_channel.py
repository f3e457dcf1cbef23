import asyncio
import socket
import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.channels.cloud import CloudChannel, CloudConfig
from app.channels.content import build_text_content
from app.channels.contract import (
    CheckResult,
    OutboundMessage,
    Person,
    RefusalClass,
    SendRefusal,
    SendSuccess,
    UnknownOutcome,
)
from app.http_client import HttpLimits
from tests.http_client.sessions import open_http

CONFIG = CloudConfig(access_token="EAAGtoken", app_secret="abc", verify_token="word")
OUTBOUND = OutboundMessage("bx1", "1065", Person(phone="233200000001"), build_text_content("hi"))
SHORT = HttpLimits(connect_s=2, answer_s=0.3, total_s=5)


def graph(settings, url):
    return settings.model_copy(update={"graph_base_url": url})


def run_against(settings, handler, act):
    """Run `act(channel, http)` against a Graph API that answers with `handler`."""

    async def run():
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        async with TestServer(app) as server, open_http() as http:
            url = str(server.make_url("")).rstrip("/")
            return await act(CloudChannel(graph(settings, url), clock=lambda: 0.0, limits=SHORT), http)

    return asyncio.run(run())


def send(settings, handler, outbound=OUTBOUND):
    return run_against(settings, handler, lambda channel, http: channel.send(http, CONFIG, outbound))


def check(settings, handler):
    return run_against(settings, handler, lambda channel, http: channel.check(http.files, CONFIG, "1065"))


def build_handler(body, status=200, headers=None):
    async def handler(_request):
        return web.json_response(body, status=status, headers=headers)

    return handler


def build_error(code, subcode=None):
    return {"error": {"code": code, "message": "m", "error_subcode": subcode}}


def test_an_accepted_message_gives_its_id_and_the_request_is_whole(settings):
    seen = []

    async def handler(request):
        seen.append((request.method, request.path, request.headers["Authorization"], await request.json()))
        return web.json_response({"messages": [{"id": "wamid.1", "message_status": "accepted"}]})

    assert send(settings, handler) == SendSuccess("wamid.1")
    body = {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "233200000001", "type": "text",
        "text": {"body": "hi", "preview_url": False}, "biz_opaque_callback_data": "bx1",
    }  # fmt: skip
    assert seen == [("POST", "/v25.0/1065/messages", "Bearer EAAGtoken", body)]


@pytest.mark.parametrize(
    "body", [{}, [], None, {"messages": []}, {"messages": [{"id": 5.5}]}, {"success": True}]
)
def test_an_acceptance_without_an_id_is_uncertain(settings, body):
    assert isinstance(send(settings, build_handler(body)), UnknownOutcome)


def test_an_answer_that_is_no_json_or_too_long_is_uncertain(settings):
    async def html(_request):
        return web.Response(text="<html>")

    async def endless(_request):
        return web.Response(text='{"messages": [{"id": "wamid.1"}], "x": "' + "x" * 70_000 + '"}')

    assert isinstance(send(settings, html), UnknownOutcome)
    assert isinstance(send(settings, endless), UnknownOutcome)


def test_refusals_are_classified_with_their_wait(settings):
    assert send(settings, build_handler(build_error(131047), 400)).refusal_class is RefusalClass.NEVER
    limited = send(settings, build_handler(build_error(130429), 429, {"Retry-After": "12"}))
    assert (limited.refusal_class, limited.code, limited.retry_after_s) == (
        RefusalClass.LIMIT,
        "130429",
        12.0,
    )
    assert send(settings, build_handler({}, 500)).refusal_class is RefusalClass.TRANSIENT
    assert send(settings, build_handler(build_error(190), 401)).refusal_class is RefusalClass.TOKEN


def test_a_redirect_is_not_followed_with_the_token(settings):
    paths = []

    async def handler(request):
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert send(settings, handler).refusal_class is RefusalClass.FIX
    assert paths == ["/v25.0/1065/messages"]


def test_a_connection_dropped_after_the_request_is_uncertain_and_not_repeated(settings):
    reads = []

    async def handler(request):
        reads.append(await request.json())
        request.transport.abort()
        return web.Response()

    assert isinstance(send(settings, handler), UnknownOutcome)
    assert len(reads) == 1


def test_a_connection_dropped_within_the_answer_is_uncertain(settings):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"messages"')
        request.transport.abort()
        return response

    assert isinstance(send(settings, handler), UnknownOutcome)


def test_a_refusal_whose_reason_was_lost_is_tried_again(settings):
    async def handler(request):
        response = web.StreamResponse(status=400, headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"error"')
        request.transport.abort()
        return response

    result = send(settings, handler)
    assert (result.refusal_class, result.code) == (RefusalClass.TRANSIENT, "http_400")


def test_no_answer_in_time_is_uncertain(settings):
    async def handler(_request):
        await asyncio.sleep(1)
        return web.json_response({})

    started = time.monotonic()
    assert isinstance(send(settings, handler), UnknownOutcome)
    assert time.monotonic() - started < 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://127.0.0.1:{port}", RefusalClass.TRANSIENT),
        ("http://no-such-host.invalid", RefusalClass.TRANSIENT),
        ("graph", RefusalClass.FIX),
        ("ftp://graph", RefusalClass.FIX),
        ("http://", RefusalClass.FIX),
    ],
)
def test_what_was_certainly_not_sent_is_refused(settings, url, fault):
    async def run():
        channel = CloudChannel(graph(settings, url.format(port=free_port())))
        async with open_http() as http:
            return await channel.send(http, CONFIG, OUTBOUND), await channel.check(http.files, CONFIG, "1065")

    result, seen = asyncio.run(run())
    assert isinstance(result, SendRefusal)
    assert result.refusal_class is fault
    assert not seen.ok


def test_a_failed_tls_handshake_is_certainly_not_sent(settings):
    async def run():
        async def talk(_reader, writer):
            writer.write(b"220 not tls\r\n")
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, open_http() as http:
            return await CloudChannel(graph(settings, f"https://127.0.0.1:{port}")).send(
                http, CONFIG, OUTBOUND
            )

    assert asyncio.run(run()).refusal_class is RefusalClass.TRANSIENT


def test_content_that_cannot_be_sent_is_refused_without_a_request(settings):
    outbound = OutboundMessage("bx1", "1065", Person(phone="1"), {"kind": "text", "text": ""})
    assert send(settings, build_handler({}), outbound) == SendRefusal(
        RefusalClass.FIX, "content", "The text is empty."
    )
    nobody = OutboundMessage("bx1", "1065", Person(), build_text_content("hi"))
    assert send(settings, build_handler({}), nobody).code == "no_address"


def test_a_check_names_the_number(settings):
    seen = []

    async def handler(request):
        seen.append((request.method, request.path, request.query["fields"]))
        return web.json_response(
            {"display_phone_number": "+1 555-0100", "verified_name": "Acme", "quality_rating": "GREEN"}
        )

    assert check(settings, handler) == CheckResult(
        ok=True, message="Connected to Acme (+1 555-0100), quality high."
    )
    assert seen == [("GET", "/v25.0/1065", "display_phone_number,verified_name,quality_rating")]


def test_a_check_says_what_is_wrong(settings):
    assert "check the id and the token" in check(settings, build_handler(build_error(100, 33), 400)).message
    assert "new system-user token" in check(settings, build_handler(build_error(190), 401)).message
    assert "phone number id" in check(settings, build_handler({"id": "1065"})).message


def test_a_read_mark_is_accepted_without_an_id_and_its_refusal_is_classified(settings):
    def mark(handler, *, is_typing=False):
        return run_against(
            settings,
            handler,
            lambda channel, http: channel.mark_read(http, CONFIG, "1065", "wamid.1", is_typing=is_typing),
        )

    seen = []

    async def handler(request):
        seen.append(await request.json())
        return web.json_response({"success": True})

    assert mark(handler) == SendSuccess("")
    assert mark(handler, is_typing=True) == SendSuccess("")
    plain = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1"}
    assert seen == [plain, {**plain, "typing_indicator": {"type": "text"}}]
    assert mark(build_handler(build_error(190), 401)).refusal_class is RefusalClass.TOKEN
