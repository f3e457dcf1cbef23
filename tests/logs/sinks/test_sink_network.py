"""Network of sinks: fields are checked, nothing goes out unchecked, and a connection that breaks is no delivery."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.logs.sinks.contract import SinkContext, SinkError
from app.logs.sinks.sink_network import Certificate, HeaderText, Host, Peer, Url, connect, deliver
from tests.logs.sinks.servers import Certificates, LineServer, running, wait_until


class Fields(BaseModel):
    host: Host = "x"
    url: Url = "https://x"
    header: HeaderText = ""
    certificate: Certificate = ""


@pytest.mark.parametrize("fields", [
    {"host": "a b"}, {"host": ""}, {"host": "http://a"}, {"host": "a\r\n"}, {"url": "ftp://x"}, {"url": "https://u:p@x"},
    {"url": "https://x/a b"}, {"url": "https://x:0"}, {"url": "https://x/#f"}, {"url": "https://"}, {"url": "https://x:99999"},
    {"header": "a\r\nX: y"}, {"header": "ü"}, {"certificate": "nonsense"},
    {"certificate": "-----BEGIN CERTIFICATE-----abc-----END CERTIFICATE-----"},
])  # fmt: skip
def test_a_field_that_could_not_be_used_is_refused(fields: dict[str, str]):
    with pytest.raises(ValidationError):
        Fields(**fields)


def test_a_certificate_survives_a_field_of_one_line(tmp_path: Path):
    pem = Certificates(tmp_path / "c").pem
    assert Fields(certificate=pem.replace("\n", " ")).certificate == pem.strip()


def test_without_tls_nothing_goes_out_unless_private_networks_are_allowed(tmp_path: Path):
    with pytest.raises(SinkError, match="Without TLS nothing is sent"):
        connect(Peer("example.com", 80, is_tls=False), SinkContext("i", tmp_path))


def test_a_name_that_leads_into_the_own_network_is_not_asked(tmp_path: Path):
    context = SinkContext("i", tmp_path, resolve=lambda _host, _seconds: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(SinkError, match="not public"):
        connect(Peer("logs.example.com", 443, is_tls=True), context)


def start_scripted(act: Any) -> int:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        act(connection)
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def deliver_to(port: int, tmp_path: Path, payload: bytes = b"x\n") -> None:
    peer = Peer("127.0.0.1", port, is_tls=False)
    deliver(connect(peer, SinkContext("i", tmp_path, allow_private=True)), payload, peer)


def test_a_server_that_reads_to_the_end_has_it(tmp_path: Path):
    with running(LineServer()) as server:
        deliver_to(server.port, tmp_path, b"a\nb\n")
        wait_until(lambda: server.lines == [b"a", b"b"])


def test_a_server_that_breaks_off_has_not(tmp_path: Path):
    import struct  # noqa: PLC0415

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with pytest.raises(SinkError, match="broke before all events were taken"):
        deliver_to(start_scripted(reset), tmp_path, b"x" * 200_000)


def test_a_server_that_never_closes_has_what_it_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.logs.sinks.sink_network._CLOSE_S", 0.3)
    held: list[socket.socket] = []
    deliver_to(start_scripted(held.append), tmp_path)
    held.pop().close()


def test_a_server_that_takes_nothing_in_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.logs.sinks.sink_network.SEND_S", 0.5)
    monkeypatch.setattr("app.logs.sinks.sink_network._CLOSE_S", 0.2)
    held: list[socket.socket] = []
    with pytest.raises(SinkError, match="did not take the events"):
        deliver_to(start_scripted(held.append), tmp_path, b"x" * 20_000_000)
    held.pop().close()
