"""The path of one message, from the socket to the bubble: docs/message-path.md against the files that run."""

import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.roles import Role
from app.accounts.users import Passwords, create_user
from app.bot.models import Message
from app.channels.cloud.webhook import PATH
from bench.fake_graph import ThreadedGraph, running
from bench.graph import Options
from tests.bot.ingest.test_server import FakeInnerServer, send_bytes
from tests.bot.ingest.test_webhook import sign
from tests.bot.simulated_bot import CloudBot, build_reply_command, wait_until

ROOT = Path(__file__).resolve().parent.parent
APP = str(ROOT / "app") + "/"
PAGE = (ROOT / "docs/message-path.md").read_text()
MAX_STEPS = 35
PASSWORD = "a long enough password"

STEPS = re.findall(r"^\| \d+ \| `(app/[\w/]+\.py)`", PAGE, re.MULTILINE)
ASKED = set(re.findall(r"`(app/[\w/]+\.py)`", PAGE.partition("## Asked")[2]))
# What a worker does besides, when the time for it comes.
BACKGROUND = (
    "app/analytics/",
    "app/bot/health/",
    "app/bot/media/",
    "app/bot/polling",
    "app/bot/release/",
    "app/bot/worker/jobs/",
    "app/privacy/",
)
# These run in another process, without the application.
CONFINED = "app/brains/confined/"
PAGES = ("app/admin/", "app/accounts/", "app/services.py", "app/web.py")
# Browsers are told in a thread of the feed's own; the worker looks for messages by itself too, every moment.
AT_ANY_MOMENT = {"app/realtime/feed.py", "app/bot/worker/dispatcher.py", "app/bot/turns/claim.py"}


class CallRecorder:
    """Files of the product whose functions were called while it is on, in the order of their first call."""

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.is_on = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        path = frame.f_code.co_filename
        if self.is_on and event == "call" and path.startswith(APP) and frame.f_code.co_name != "<module>":
            self.files.setdefault("app/" + path.removeprefix(APP))

    @contextmanager
    def recording(self) -> Iterator[None]:
        self.is_on = True
        yield
        self.is_on = False


@pytest.fixture
def recorder() -> Iterator[CallRecorder]:
    recorder = CallRecorder()
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    yield recorder
    sys.setprofile(None)
    threading.setprofile(None)


@pytest.fixture
def graph() -> Iterator[ThreadedGraph]:
    with running(Options()) as graph:
        yield graph


@pytest.fixture
def settings(settings: Any, graph: ThreadedGraph) -> Any:
    return settings.model_copy(update={"graph_base_url": graph.url})


def build_request(number: int, now: int) -> bytes:
    message = {"from": "4915112345", "id": f"wamid.{number}", "timestamp": str(now // 1000), "type": "text"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": "4915112345"}],
        "messages": [message | {"text": {"body": "hello"}}],
    }
    entry = [{"id": "1", "changes": [{"field": "messages", "value": value}]}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()
    lines = {"Host": "x", "Content-Length": str(len(body)), **sign(body, "abc")}
    head = "".join(f"{name}: {word}\r\n" for name, word in lines.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


@contextmanager
def listening(app: Flask, folder: Path) -> Iterator[int]:
    """Run the edge server; yields its port."""
    inner = FakeInnerServer(str(folder / "s"))
    inner.start()
    edge = app.extensions["services"].build_edge_server(lambda _cookie: False)
    listener = socket.create_server(("127.0.0.1", 0))
    edge.start(listener, inner.path)
    yield listener.getsockname()[1]
    edge.stop(1)
    inner.end()


def sign_in(app: Flask) -> Any:
    services = app.extensions["services"]
    who = {"email": "ada@example.com", "password": PASSWORD, "now": 1, "role": Role.OWNER}
    services.database.write(lambda session: create_user(session, Passwords(), **who))
    app.config["WTF_CSRF_ENABLED"] = False
    browser = app.test_client()
    browser.post("/login", data={"email": who["email"], "password": PASSWORD})
    return browser


def count_sent(bot: CloudBot) -> int:
    sent = select(Message).where(Message.direction == "out", Message.state == "sent")
    return len(bot.select_all(sent))


@pytest.fixture
def path(recorder: CallRecorder, installation: Flask, tmp_path: Path) -> list[str]:
    """Return the files that ran while a known person's message was answered and looked at."""
    bot = CloudBot(installation, [build_reply_command("hello", "Hello {{ sender.name|trim }}")])
    browser = sign_in(installation)
    now = bot.services.clock()
    bot.services.realtime.start()
    with listening(installation, tmp_path) as port, bot.run_worker():
        assert b" 200 " in send_bytes(port, build_request(1, now))
        wait_until(lambda: count_sent(bot) == 1)
        browser.get("/chats/1/thread", headers={"HX-Request": "true"})
        with recorder.recording():
            assert b" 200 " in send_bytes(port, build_request(2, now))
            wait_until(lambda: count_sent(bot) == 2)
        with recorder.recording():
            assert "Hello Ann" in browser.get("/chats/1/thread", headers={"HX-Request": "true"}).text
    return list(recorder.files)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_steps_of_a_message_are_those_of_the_page_and_few(path: list[str]):
    steps = [file for file in STEPS if not file.startswith(CONFINED)]
    assert set(steps) <= set(path)
    ordered = [file for file in steps if file not in AT_ANY_MOMENT]
    assert [file for file in path if file in ordered] == ordered
    assert len(STEPS) == len(set(STEPS)) <= MAX_STEPS
    assert set(STEPS).isdisjoint(ASKED)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_step_asks_stands_on_the_page(path: list[str]):
    pipeline = path[: path.index("app/admin/chats/views.py")]
    pipeline = [
        file for file in pipeline if not file.startswith((*BACKGROUND, *PAGES)) and file != "app/web.py"
    ]
    assert set(pipeline) - set(STEPS) <= ASKED


def test_every_file_of_the_page_exists():
    assert [file for file in (*STEPS, *ASKED) if not (ROOT / file).exists()] == []
