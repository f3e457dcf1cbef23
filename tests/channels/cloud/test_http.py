"""What operators read when the network between us and Meta fails."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
import time

import aiohttp
import pytest

from app.channels.cloud.http import explain_network_error
from tests.certificates import write_certificate

SHORT = aiohttp.ClientTimeout(total=0.5, connect=2, sock_connect=2, sock_read=0.2)


def ask(url):
    """Return what is said of a request to `url` that brings no answer."""

    async def run():
        async with aiohttp.ClientSession(timeout=SHORT) as http:
            try:
                # Not GET, which aiohttp would send again.
                async with http.post(url) as response:
                    await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                return explain_network_error(error, SHORT)
        raise AssertionError("there was an answer")

    return asyncio.run(run())


def ask_server(talk, scheme="http"):
    """Return what is said of a request to a server that treats its one connection as `talk` does."""

    def serve():
        with listener.accept()[0] as connection:
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        said = ask(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    return said


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def hang_up(connection):
    connection.recv(65_536)


def stay_silent(connection):
    while connection.recv(65_536):
        pass


def drip(connection):
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(20):
            connection.sendall(b" ")
            time.sleep(0.05)


def speak_no_http(connection):
    connection.recv(65_536)
    connection.sendall(b"220 hello\r\n\r\n")


def test_an_unknown_name_and_a_refused_connection_are_said_in_words():
    assert ask("http://no-such-host.invalid") == "the name of the server is not known (no-such-host.invalid)"
    assert ask(f"http://127.0.0.1:{find_free_port()}") == "127.0.0.1 refused the connection"


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (hang_up, "the connection broke before the answer was read"),
        (stay_silent, "no answer within 0.2 s"),
        (drip, "no whole answer within 0.5 s"),
        (speak_no_http, "the answer could not be understood"),
    ],
)
def test_a_lost_answer_is_said_in_words(talk, words):
    assert ask_server(talk) == words


def test_a_certificate_that_is_not_trusted_is_said_in_words(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path / "server.pem", "graph.example"))

    def talk(connection):
        with contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    assert ask_server(talk, "https") == "the TLS certificate of 127.0.0.1 was not accepted"


def test_a_server_without_tls_is_said_in_words():
    assert ask_server(speak_no_http, "https") == "no TLS connection could be made with 127.0.0.1"


def test_the_class_of_a_network_error_is_in_the_log_only(caplog, capsys):
    caplog.set_level(logging.INFO)
    assert "Error" not in ask_server(hang_up)
    # Where the log goes depends on whether an application was made before.
    assert "ServerDisconnectedError" in caplog.text + capsys.readouterr().out
