"""The webhook intake: in front of Flask, as a WSGI callable and for the front's event loop (performance 5.1).

Verify, parse, hand to the writer, 200 after the commit. It answers 401 to a bad signature, 413 beyond 4 MB, 503 when
the database does not take the write: the provider then delivers again (whatsapp A3, A8).
"""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.bot.accounts import Account, Accounts
from app.bot.channels.cloud.config import handshake
from app.bot.channels.cloud.parse import parse
from app.bot.channels.cloud.signature import verify
from app.bot.channels.contract import Item, Other
from app.bot.counters import Counters
from app.bot.reception import Parcel, Reception

log = structlog.get_logger(__name__)

PATH = "/webhooks/whatsapp"
CHANNEL = "cloud"
MAX_BODY = 4 * 1024 * 1024

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Answer = tuple[str, bytes]
OK: Answer = ("200 OK", b"ok")
TOO_LARGE: Answer = ("413 Content Too Large", b"A webhook has at most 4 MB.")
WRONG_METHOD: Answer = ("405 Method Not Allowed", b"Use GET to verify, POST to deliver.")
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]


class Intake:
    """Judges webhooks and takes them; as a WSGI callable it passes every other request on."""

    def __init__(self, inner: Wsgi, accounts: Accounts, reception: Reception, counters: Counters) -> None:
        self._inner = inner
        self._accounts = accounts
        self._reception = reception
        self._counters = counters

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a webhook, or pass the request on (PEP 3333)."""
        if environ.get("PATH_INFO") != PATH:
            return self._inner(environ, start_response)
        status, body = self._answer(environ)
        start_response(status, [*HEADERS, ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        method = environ["REQUEST_METHOD"]
        try:
            if method in {"GET", "HEAD"}:
                return self.challenge(environ.get("QUERY_STRING", ""))
            if method != "POST":
                return WRONG_METHOD
            body = _read(environ)
            if body is None:
                return TOO_LARGE
            judged = self.judge(body, environ.get("HTTP_X_HUB_SIGNATURE_256"))
            if isinstance(judged, Parcel):
                self._reception.take(judged)
                return OK
        except SQLAlchemyError as error:
            return self.unavailable(error)
        return judged

    def challenge(self, query_string: str) -> Answer:
        """Answer the verification handshake (whatsapp A2)."""
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        tokens = (account.config.verify_token for account in self._cloud())  # type: ignore[attr-defined]
        challenge = handshake(query, tokens)
        if challenge is None:
            return "403 Forbidden", b"The verify token is not the one of any connection."
        return "200 OK", challenge.encode()

    def judge(self, body: bytes, header: str | None) -> "Parcel | Answer":
        """Verify and parse a body: a parcel to be stored, or the answer that refuses it."""
        secrets = {account.config.app_secret for account in self._cloud()}  # type: ignore[attr-defined]
        proven = {secret for secret in secrets if verify(body, header, (secret,))}
        if not proven:
            return self._refuse()
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            log.warning("webhook with a good signature is no JSON; kept raw", size=len(body))
            text = body.decode("utf-8", "replace").replace("\0", "\ufffd")
            return Parcel(notices=[(None, Other("broken", text))])
        return self._routed(payload, proven)

    def unavailable(self, error: SQLAlchemyError) -> Answer:
        """Answer that the database did not take a webhook; the provider delivers it again."""
        self._counters.add("webhook.unavailable")
        # Only the kind of error: its text may hold message bodies.
        log.error("webhook not stored", reason=type(error).__name__)
        return "503 Service Unavailable", b"The database is not available. Deliver again."

    def _routed(self, payload: Any, proven: set[str]) -> "Parcel | Answer":
        parts: list[tuple[int, list[Item]]] = []
        notices: list[tuple[int | None, Other]] = []
        for batch in parse(payload):
            account = self._accounts.route(CHANNEL, batch.account) if batch.account else None
            if account is None:
                notices += ((None, _unrouted(batch.account, item)) for item in batch.items)
            elif account.config.app_secret not in proven:  # type: ignore[attr-defined]
                # Signed with the secret of another connection: it may not speak for this one.
                return self._refuse()
            else:
                parts.append((account.id, list(batch.items)))
        return Parcel(parts, notices)

    def _refuse(self) -> Answer:
        self._counters.add("webhook.bad_signature")
        return "401 Unauthorized", b"The signature does not match the app secret."

    def _cloud(self) -> list[Account]:
        return self._accounts.of(CHANNEL)


def _unrouted(account: str | None, item: Item) -> Other:
    if isinstance(item, Other):
        return item
    payload = getattr(item, "payload", None) or {"item": type(item).__name__}
    return Other("unrouted", {"account": account, "payload": payload})


def _read(environ: dict[str, Any]) -> bytes | None:
    """Read the body; None when it is larger than we take."""
    length = environ.get("CONTENT_LENGTH")
    if length and length.isdigit():
        return environ["wsgi.input"].read(int(length)) if int(length) <= MAX_BODY else None
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        return b""
    body = environ["wsgi.input"].read(MAX_BODY + 1)
    return body if len(body) <= MAX_BODY else None
