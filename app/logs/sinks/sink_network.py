"""Network of sinks: checked addresses, TLS, requests over HTTP, streams whose end tells that all has arrived."""

import fcntl
import gzip
import http.client
import re
import socket
import ssl
import struct
import termios
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from app.http_client.addresses import AddressRefusal, is_public, resolve_host
from app.immutable import immutable
from app.logs.sinks.contract import ORIGIN_HEADER, SEND_S, RefusedBatchError, SinkContext, SinkError

_MAX_ANSWER: Final = 64 * 1024
_MAX_ADDRESSES: Final = 4
# How long (s) the other side has to close after us, before what it has acknowledged must do.
_CLOSE_S: Final = 5.0
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:]{2,45}\]?")
_VISIBLE: Final = re.compile(r"[\x20-\x7e]{0,2000}")
_REFUSED_STATUSES: Final = frozenset({400, 413, 415, 422})


def _check_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("Write a host name such as logs.example.com, or an address.")
    return value.strip("[]")


def _check_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_right = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
        is_right = is_right and parts.username is None and not parts.fragment
    except ValueError:
        is_right = False
    if not is_right or not _VISIBLE.fullmatch(value) or " " in value:
        raise ValueError("Write an address such as https://logs.example.com/path, without a user name.")
    return value


def _check_header(value: str) -> str:
    if not _VISIBLE.fullmatch(value):
        raise ValueError("Only plain visible characters stand in a header.")
    return value


def _check_certificate(value: str) -> str:
    """Return certificates in PEM with the line breaks that a field of one line takes out."""
    if not value.strip():
        return ""
    found = [re.sub(r"\s", "", body) for body in _PEM.findall(value)]
    if not found:
        raise ValueError("Paste the certificate whole, from BEGIN CERTIFICATE to END CERTIFICATE.")
    blocks = ("\n".join(body[at : at + 64] for at in range(0, len(body), 64)) for body in found)
    text = "\n".join(f"-----BEGIN CERTIFICATE-----\n{block}\n-----END CERTIFICATE-----" for block in blocks)
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("This certificate cannot be read: paste it again.") from error
    return text


Host = Annotated[str, Field(title="Host"), AfterValidator(_check_host)]
Port = Annotated[int, Field(ge=1, le=65535, title="Port")]
Url = Annotated[str, Field(max_length=1000, title="Address"), AfterValidator(_check_url)]
HeaderText = Annotated[str, Field(max_length=2000), AfterValidator(_check_header)]
Tls = Annotated[
    bool,
    Field(title="TLS", description="Without it anybody on the way can read along; needs LOG_ALLOW_PRIVATE."),
]
Certificate = Annotated[
    str,
    Field(
        title="Certificate of its authority",
        description="PEM, only where the server’s certificate is signed by an authority of your own.",
        json_schema_extra={"multiline": True},
        max_length=20_000,
    ),
    AfterValidator(_check_certificate),
]


# For the pages of sinks that `deliver` sends with.
CLOSE_HINT: Final = (
    f"It waits up to {_CLOSE_S:.0f} s for the server to close the connection, "
    "for nothing else tells that it has read everything."
)


@immutable
class Peer:
    """The server of a sink; `certificate`: PEM of an authority beside the system's."""

    host: str
    port: int
    is_tls: bool
    certificate: str = ""


def connect(peer: Peer, context: SinkContext) -> socket.socket:
    """Connect to a server at an address that was checked, its certificate verified; raises SinkError."""
    if not peer.is_tls and not context.allow_private:
        raise SinkError("Without TLS nothing is sent, unless LOG_ALLOW_PRIVATE allows it.")
    try:
        addresses = resolve_host(
            peer.host, context.resolve, lambda each: context.allow_private or is_public(each), SEND_S
        )
    except AddressRefusal as error:
        hint = " LOG_ALLOW_PRIVATE allows addresses of your own network." if error.kind == "denied" else ""
        raise SinkError(f"{error}{hint}") from error
    last: Exception = OSError("no address")
    for address in addresses[:_MAX_ADDRESSES]:
        try:
            plain = socket.create_connection((address, peer.port), SEND_S / 2)
        except OSError as error:
            last = error
        else:
            return _start_tls(plain, peer) if peer.is_tls else plain
    raise SinkError(f"{peer.host}:{peer.port} cannot be reached: {_describe(last)}.") from last


def deliver(sock: socket.socket, payload: bytes, peer: Peer) -> None:
    """Send everything, end the stream, and wait until the other side has ended its own; raises SinkError.

    These protocols acknowledge nothing. A server that reads to our end and closes has read it all; one that is stopped
    before that breaks the connection, and the batch is sent again.
    """
    try:
        sock.settimeout(SEND_S)
        sock.sendall(payload)
        if isinstance(sock, ssl.SSLSocket):
            sock = _end_tls(sock)
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(_CLOSE_S)
        end = time.monotonic() + _CLOSE_S
        while sock.recv(4096) and time.monotonic() < end:
            pass
    except TimeoutError as error:
        if _count_unacknowledged(sock):
            raise SinkError(f"{peer.host} did not take the events within {SEND_S:.0f} s.") from error
    except OSError as error:
        raise SinkError(f"The connection to {peer.host} broke before all events were taken.") from error
    finally:
        sock.close()


def post(
    url: str, body: bytes, headers: Mapping[str, str], context: SinkContext, certificate: str = ""
) -> bytes:
    """Post a body, packed with gzip, and return the answer's; raises SinkError by the status."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    peer = Peer(parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls, certificate)
    sock = connect(peer, context)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    sent = {"User-Agent": "Brainbox", "Content-Encoding": "gzip", "Connection": "close", **headers}
    sent[ORIGIN_HEADER] = context.installation_id
    connection = http.client.HTTPConnection(parts.netloc)
    connection.sock = sock
    try:
        sock.settimeout(SEND_S)
        connection.request("POST", path, gzip.compress(body, 5, mtime=0), sent)
        answer = connection.getresponse()
        content = answer.read(_MAX_ANSWER)
    except TimeoutError as error:
        raise SinkError(f"{peer.host} did not answer within {SEND_S:.0f} s.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SinkError(f"The connection to {peer.host} broke before the answer was read.") from error
    finally:
        connection.close()
    _check_status(peer.host, answer.status, answer.getheader("Retry-After"), content)
    return content


def _check_status(host: str, status: int, retry_after: str | None, content: bytes) -> None:
    if 200 <= status < 300:
        return
    said = re.sub(r"[^\x20-\x7e]+", " ", content[:200].decode("latin-1")).strip()
    text = f"{host} answered {status}{f': {said}' if said else ''}."
    if status in _REFUSED_STATUSES:
        raise RefusedBatchError(text)
    wait = float(retry_after) if retry_after and retry_after.isdecimal() and len(retry_after) < 6 else None
    raise SinkError(text, wait)


def _start_tls(plain: socket.socket, peer: Peer) -> socket.socket:
    try:
        plain.settimeout(SEND_S / 2)
        tls = ssl.create_default_context()
        if peer.certificate:
            tls.load_verify_locations(cadata=peer.certificate)
        return tls.wrap_socket(plain, server_hostname=peer.host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise SinkError(
            f"The certificate of {peer.host} cannot be trusted: {error.verify_message}."
        ) from error
    except (OSError, ValueError) as error:
        plain.close()
        raise SinkError(f"{peer.host}:{peer.port} does not speak TLS: {_describe(error)}.") from error


def _end_tls(sock: ssl.SSLSocket) -> socket.socket:
    """Say within TLS that this was all, and return the bare connection."""
    sock.settimeout(_CLOSE_S)
    try:
        return sock.unwrap()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # It closed without saying so within TLS: what counts is that it did not break off.
        return socket.socket(fileno=sock.detach())
    except ssl.SSLError as error:
        raise OSError(str(error)) from error


def _count_unacknowledged(sock: Any) -> int:
    """Return how many bytes the other side's system has not acknowledged (Linux: SIOCOUTQ)."""
    try:
        return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    except OSError:
        return 1


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return (getattr(error, "strerror", None) or "the connection failed").lower()
