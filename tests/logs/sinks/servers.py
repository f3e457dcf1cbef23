"""Servers that sinks send to: a reader of lines, an HTTP collector, Debian's rsyslog; each can be restarted."""

import gzip
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.processes import free_port
from tests.certificates import Authority
from tests.conftest import skip_or_fail

HOST = "localhost"


def wait_until(is_true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.02)


class Certificates:
    """An authority for a test: what a server shows, and what a sink is told to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._authority = Authority(folder)
        self._folder = folder
        self.server = self._authority.build_server_context(HOST)
        self.pem = self._authority.pem

    @property
    def key_file(self) -> Path:
        """The file with the server's key and certificate."""
        return self._folder / f"{HOST}1.pem"


class LineServer:
    """Reads lines over TCP or TLS; a connection whose server was stopped breaks off."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.port = free_port()
        self.lines: list[bytes] = []
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self.delay_s = 0.0

    def start(self) -> "LineServer":
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and reset every connection, as a crash does."""
        if self._listener:
            # A thread that waits in accept holds the socket open otherwise.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.close()
        self._open.clear()

    def read_objects(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=[plain], daemon=True).start()

    def _read(self, plain: socket.socket) -> None:
        sock = plain
        with suppress(OSError):
            if self._tls:
                sock = self._tls.wrap_socket(plain, server_side=True)
            self._open.append(sock)
            rest = b""
            while data := sock.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                *whole, rest = (rest + data).split(b"\n")
                self.lines += whole
            if isinstance(sock, ssl.SSLSocket):
                sock.unwrap()
            sock.close()


class Collector:
    """Takes posts over HTTP or HTTPS; `answer` says with which status and body."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.port = free_port()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[bytes], tuple[int, bytes, dict[str, str]]] = lambda _body: (202, b"{}", {})
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    def start(self) -> "Collector":
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                status, content, headers = collector.answer(body)
                if status < 300:
                    collector.requests.append((self.path, dict(self.headers), body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()


class Rsyslog:
    """Debian's rsyslog with one input over TCP or TLS, which writes each message as a JSON line of its parts."""

    def __init__(self, folder: Path, certificates: Certificates | None = None) -> None:
        if not shutil.which("rsyslogd"):
            skip_or_fail("rsyslog")
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        self._out = folder / "out.jsonl"
        self._config = folder / "rsyslog.conf"
        self._process: subprocess.Popen[bytes] | None = None
        tls = ""
        if certificates:
            ca = folder / "ca.pem"
            ca.write_text(certificates.pem)
            pem = certificates.key_file
            tls = (
                f'global(defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{pem}" '
                f'defaultNetstreamDriverKeyFile="{pem}")\n'
            )
        mode = (
            ' streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"'
            if certificates
            else ""
        )
        self._config.write_text(
            f'global(workDirectory="{folder}")\n{tls}module(load="imtcp"{mode})\n'
            f'input(type="imtcp" port="{self.port}" address="127.0.0.1")\n'
            'template(name="parts" type="list" option.jsonf="on") {\n'
            '  property(outname="text" name="msg" format="jsonf")\n'
            '  property(outname="severity" name="syslogseverity" format="jsonf")\n'
            '  property(outname="facility" name="syslogfacility" format="jsonf")\n'
            '  property(outname="app" name="app-name" format="jsonf")\n'
            '  property(outname="source" name="procid" format="jsonf")\n'
            '  property(outname="at" name="timereported" dateFormat="rfc3339" format="jsonf")\n'
            '  property(outname="element" name="structured-data" format="jsonf")\n}\n'
            f'action(type="omfile" file="{self._out}" template="parts")\n'
        )

    def start(self) -> "Rsyslog":
        command = ["rsyslogd", "-n", "-f", str(self._config), "-i", str(self._folder / "pid"), "-C"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._is_listening)
        return self

    def _is_listening(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "rsyslog ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGTERM)
            self._process.wait(15)

    def read_objects(self) -> list[Any]:
        text = self._out.read_text() if self._out.exists() else ""
        return [json.loads(line) for line in text.splitlines() if "brainbox" in line]


@contextmanager
def running(server: Any) -> Iterator[Any]:
    """Run a server for the length of a `with` block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
