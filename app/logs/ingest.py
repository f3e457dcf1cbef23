"""Endpoint `POST /api/logs`: sign-in by token, limits, answers in JSON that say what to do (docs/logging.md)."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from app.http_client.content_coding import UnknownCodingError, decode_content
from app.immutable import immutable
from app.logs.event_input import MAX_EVENTS, EventReader, ReadEvents
from app.logs.log_service import LogService, StoreBusyError
from app.logs.sinks.contract import ORIGIN_HEADER
from app.logs.sources import OpenSource, SourceRegistry

PATH: Final = "/api/logs"
MAX_BODY: Final = 256 * 1024  # bytes, as sent and unpacked
_LINES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"}
)
_JSON: Final = frozenset({"application/json", "text/json"})
_DURABLE_S: Final = 10
_MAX_REPORTED: Final = 100
_NO_DATABASE: Final = "The database is not available. Try again."
_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)
_PROBLEM_HEADERS: Final = (("Content-Type", "application/problem+json"), *_HEADERS[1:])
_TITLES: Final = {
    400: "Bad Request", 401: "Unauthorized", 405: "Method Not Allowed", 413: "Content Too Large",
    415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests", 503: "Service Unavailable",
}  # fmt: skip


class Headers(Protocol):
    """The headers of a request, by names in any case."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, None without it."""
        ...


@immutable
class LogAnswer:
    """Answer to a request: status, JSON body, headers but its length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = _HEADERS


class LoopRequest(Headers, Protocol):
    """A request in the event loop, its body whole."""

    method: str
    body: bytearray


class ProblemError(Exception):
    """A request that is not taken; the text says what to do."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.more = more


class LogEndpoint:
    """Takes events of other services; `is_durable`: answers after their commit; `is_on`: takes any at all."""

    def __init__(
        self,
        service: LogService,
        sources: SourceRegistry,
        installation_id: str,
        *,
        is_durable: bool,
        is_on: bool,
    ) -> None:
        self._service = service
        self._sources = sources
        self._installation_id = installation_id
        self._is_durable = is_durable
        self._is_on = is_on
        self._is_refreshing = False
        self._reader = EventReader(service.ids, service.redactor, service.clock)

    async def answer_in_loop(self, request: LoopRequest) -> tuple[str, bytes, tuple[tuple[str, str], ...]]:
        """Answer a request in an event loop, which reading the sources must not hold up."""
        sources, run = self._sources, asyncio.get_running_loop().run_in_executor
        if sources.is_outdated:
            try:
                await run(None, sources.refresh)
            except SQLAlchemyError:
                found = build_problem(ProblemError(503, _NO_DATABASE))
                return get_status_line(found.status), found.body, found.headers
        elif sources.is_stale and not self._is_refreshing:
            # Nobody waits for it: what is known is a second old.
            self._is_refreshing = True
            run(None, self._refresh_aside)
        found = await self.answer(request.method, request, bytes(request.body))
        if sources.has_new_uses:
            run(None, sources.save_uses)
        return get_status_line(found.status), found.body, found.headers

    async def answer(self, method: str, headers: Headers, body: bytes | None) -> LogAnswer:
        """Answer a request whose body is None beyond the limit; the sources are fresh."""
        try:
            read, size = self._check(method, headers, body)
            if not self._is_durable:
                return self._submit(read, size)
            async with asyncio.timeout(_DURABLE_S):
                await asyncio.wrap_future(self._service.submit_durable(read.events, size))
        except ProblemError as problem:
            return build_problem(problem)
        except (StoreBusyError, TimeoutError):
            return build_problem(_build_busy())
        return _build_accepted(read)

    def _refresh_aside(self) -> None:
        try:
            self._sources.refresh()
        finally:
            self._is_refreshing = False

    def answer_blocking(self, method: str, headers: Headers, body: bytes | None) -> LogAnswer:
        """Do the same in a thread of its own, sources read if it is time."""
        try:
            self._sources.refresh()
            read, size = self._check(method, headers, body)
            self._sources.save_uses()
            if not self._is_durable:
                return self._submit(read, size)
            self._service.submit_durable(read.events, size).result(_DURABLE_S)
        except SQLAlchemyError:
            return build_problem(ProblemError(503, _NO_DATABASE))
        except ProblemError as problem:
            return build_problem(problem)
        except (StoreBusyError, TimeoutError):
            return build_problem(_build_busy())
        return _build_accepted(read)

    def _check(self, method: str, headers: Headers, body: bytes | None) -> tuple[ReadEvents, int]:
        """Return the events of a request and their bytes; raises ProblemError."""
        source = self._authenticate(method, headers)
        content = _decode(headers, body)
        return self._read(headers, content, source), len(content)

    def _submit(self, read: ReadEvents, size: int) -> LogAnswer:
        """Queue events without a commit to wait for."""
        is_taken = self._service.submit(read.events, size)
        return _build_accepted(read, 0 if is_taken else len(read.events))

    def _authenticate(self, method: str, headers: Headers) -> OpenSource:
        if method != "POST":
            raise ProblemError(405, "Send events with POST.")
        if not self._is_on:
            raise ProblemError(503, "The logging service is off: LOG_STORE is false in the settings.")
        source = self._sources.find(headers.get("authorization"))
        if source is None:
            raise ProblemError(
                401,
                "Send the token of a source as “Authorization: Bearer bbl_…”. An owner makes one under "
                "Logs, Sources; a token that has ended is replaced there.",
            )
        if headers.get(ORIGIN_HEADER) == self._installation_id:
            raise ProblemError(
                422, "These events come from this installation's own sink: they would go round in circles."
            )
        return source

    def _read(self, headers: Headers, content: bytes, source: OpenSource) -> ReadEvents:
        kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
        if kind not in _LINES and kind not in _JSON:
            raise ProblemError(
                415,
                "Send application/json (an object or an array) or application/x-ndjson (an object a line).",
            )
        try:
            read = self._reader.read(content, source.name, f"s{source.id}", is_lines=kind in _LINES)
        except OverflowError:
            raise ProblemError(413, f"A request has at most {MAX_EVENTS:,} events: split it.") from None
        except ValueError:
            raise ProblemError(
                400, "This is no JSON. Check quotes, commas and the end of the text."
            ) from None
        if not read.events and not read.refused:
            raise ProblemError(400, "There is no event in this request.")
        if not read.events:
            raise ProblemError(
                422, "None of the events can be taken: see “rejected”.", rejected=_report(read)
            )
        if wait_s := source.bucket.take(len(read.events)):
            raise ProblemError(
                429,
                f"More than {source.bucket.rate:,.0f} events a second: send again in {wait_s:.1f} s.",
                retry_after=max(1, round(wait_s + 0.5)),
            )
        return read


def _build_accepted(read: ReadEvents, dropped: int = 0) -> LogAnswer:
    report: dict[str, Any] = {"accepted": len(read.events) - dropped}
    if dropped:
        report["dropped"] = dropped
    if read.refused:
        report["rejected"] = _report(read)
    return LogAnswer(202, json.dumps(report).encode())


def _build_busy() -> ProblemError:
    text = "The events could not be stored. Send them again, each with an id so that none is stored twice."
    return ProblemError(503, text, retry_after=2)


def build_problem(problem: ProblemError) -> LogAnswer:
    """Return a refusal as problem details (RFC 9457)."""
    more = dict(problem.more)
    headers = list(_PROBLEM_HEADERS)
    if "retry_after" in more:
        headers.append(("Retry-After", str(more.pop("retry_after"))))
    if problem.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    if problem.status == 405:
        headers.append(("Allow", "POST"))
    body: Mapping[str, Any] = {
        "type": "about:blank",
        "title": _TITLES[problem.status],
        "status": problem.status,
        "detail": str(problem),
        **more,
    }
    return LogAnswer(problem.status, json.dumps(body).encode(), tuple(headers))


def get_status_line(status: int) -> str:
    """Return the status with its phrase."""
    return "202 Accepted" if status == 202 else f"{status} {_TITLES[status]}"


def _decode(headers: Headers, body: bytes | None) -> bytes:
    too_large = ProblemError(413, f"A request has at most {MAX_BODY // 1024} KB, unpacked: split it.")
    if body is None or len(body) > MAX_BODY:
        raise too_large
    try:
        content = decode_content(body, headers.get("content-encoding"), MAX_BODY)
    except UnknownCodingError:
        raise ProblemError(415, "Send the body plain, or packed with gzip or deflate.") from None
    except ValueError:
        raise ProblemError(400, "The packed body cannot be read: it is broken or ends too early.") from None
    if content is None:
        raise too_large
    return content


def _report(read: ReadEvents) -> list[dict[str, Any]]:
    return [{"index": each.index, "reason": each.reason} for each in read.refused[:_MAX_REPORTED]]
