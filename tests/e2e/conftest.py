"""The whole product in a process of its own, and Debian's Chromium in front of it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.fake_graph import ThreadedGraph, running
from bench.graph import Options
from tests.conftest import SHARED, skip_or_fail
from tests.e2e.browser_steps import PageMonitor, sign_in
from tests.e2e.page_list import Visitor, create_sample_data

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")

# A machine that runs several browsers may be slow; how quick pages are is for bench/ to say.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not CHROMIUM.exists():
        skip_or_fail("Chromium")
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": str(CHROMIUM), "args": alone}


@pytest.fixture(scope="module")
def graph() -> Iterator[ThreadedGraph]:
    """Stand in for Meta's Graph API, which is out of reach here."""
    with running(Options(schema=SHARED / "fixtures/whatsapp_openapi/outbound_message.schema.json")) as fake:
        yield fake


@pytest.fixture(scope="session")
def base_url() -> str:
    """Return where each test file's product listens, one after the other."""
    return f"http://127.0.0.1:{_free_port()}"


@pytest.fixture(scope="session")
def new_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data of an installation nobody has set up, to be copied."""
    data = tmp_path_factory.mktemp("new")
    upgrade = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    subprocess.run(upgrade, cwd=ROOT, env=_settings(data), check=True, capture_output=True, timeout=60)
    return data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, new_data: Path) -> Path:
    return shutil.copytree(new_data, tmp_path_factory.mktemp("product"), dirs_exist_ok=True)


@pytest.fixture(scope="module")
def extra_settings() -> dict[str, str]:
    """Settings that the tests of one file want otherwise."""
    return {}


@pytest.fixture(scope="module", autouse=True)
def product(data: Path, graph: ThreadedGraph, base_url: str, extra_settings: dict[str, str]) -> Iterator[str]:
    """Start a fresh installation for the tests of one file: no other file's chats and drafts are in it."""
    environment = {
        **_settings(data), "PORT": base_url.rpartition(":")[2], "HOST": "127.0.0.1",
        "GRAPH_BASE_URL": graph.url, "MEDIA_HOSTS": graph.url.removeprefix("http://"), **extra_settings,
    }  # fmt: skip
    with (data / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "wsgi.py"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(f"{base_url}/login")
        yield base_url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Show pages without motion: colours and places that still change would be judged halfway."""
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture
def monitor(page: Page) -> Iterator[PageMonitor]:
    """Fail a test whose pages had errors it did not expect."""
    found = PageMonitor(page)
    yield found
    assert found.faults == []


@pytest.fixture(scope="module")
def session_cookies() -> list[Any]:
    """Keep the sign-in of a file's first test for the others: the door lets nobody in ten times a minute."""
    return []


@pytest.fixture
def operator(monitor: PageMonitor, session_cookies: list[Any]) -> Page:
    """Be signed in as the owner of a set-up installation."""
    sign_in(monitor.page, session_cookies)
    return monitor.page


@pytest.fixture(scope="module")
def visitor(
    browser: Browser, browser_context_args: dict[str, Any], product: str, session_cookies: list[Any]
) -> Iterator[Visitor]:
    """Walk through all pages in one tab, with something to see on each of them."""
    context = browser.new_context(
        **{**browser_context_args, "base_url": product, "viewport": {"width": 1280, "height": 800}}
    )
    page = context.new_page()
    watched = PageMonitor(page)
    sign_in(page, session_cookies)
    words = create_sample_data(page)
    yield Visitor(page, watched, words)
    context.close()


def _settings(data: Path) -> dict[str, str]:
    return {
        **os.environ, "BRAINBOX_DATA": str(data), "REDIS_URL": "", "DATABASE_URL": "",
        "SECRET_KEY": "a secret key for tests", "LOG_LEVEL": "warning",
    }  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=10).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the product did not start")
