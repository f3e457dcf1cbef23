"""Media of the Cloud API: upload, resolve, download, delete; time-outs (specs: whatsapp A10)."""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import IO, Any

import aiohttp
from yarl import URL

from app.channels.cloud.error_codes import MISSING_OBJECT
from app.channels.cloud.errors import classify_response
from app.channels.cloud.http import Graph, explain_network_error, read_json
from app.channels.cloud.media_rules import (
    MAX_DOWNLOAD_BYTES,
    MediaHostError,
    check_digest,
    parse_allowed_url,
)
from app.channels.content.media_limits import MEGABYTE, MediaError, MediaTooLargeError
from app.channels.content.tolerant import to_dict, to_identifier, to_text
from app.channels.contract import SendRefusal, Sink
from app.immutable import immutable

MEDIA_TIMEOUT = aiohttp.ClientTimeout(total=300, connect=5, sock_connect=5, sock_read=20)
_EXPIRED_STATUSES = frozenset({401, 403, 404, 410})


class MediaGoneError(MediaError):
    """A media id that has expired (7 days inbound, 30 days uploaded) or never was."""

    code = "media_gone"


class MediaExpiredError(MediaError):
    """An address older than 5 minutes: resolve the id again."""

    code = "media_expired"


class MediaUnreachableError(MediaError):
    """The file's host cannot be reached or broke off."""

    code = "media_unreachable"


class MediaRefusedError(MediaError):
    """Meta refused; `refused` says what that asks of us."""

    code = "media_refused"

    def __init__(self, refused: SendRefusal) -> None:
        super().__init__(refused.message)
        self.refusal = refused


@immutable
class MediaInfo:
    """Where a file is for the next 5 minutes, and what it should be; `size` in bytes."""

    url: str
    mime: str = ""
    sha256: str = ""
    size: int | None = None


class CloudMedia:
    """Files over one number's token; `clock` gives unix time in seconds."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        graph: Graph,
        hosts: Iterable[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._graph = graph
        self._hosts = frozenset(hosts)
        self._clock = clock

    async def upload(self, account: str, file: IO[bytes], mime: str, name: str) -> str:
        """Upload a file, close it and return its media id, good for 30 days; raises MediaError."""
        form = aiohttp.FormData({"messaging_product": "whatsapp", "type": mime})
        form.add_field("file", file, filename=name, content_type=mime)
        answer = await self._call("POST", self._graph.build_url(account, "media"), data=form)
        return _require_id(to_identifier(answer.get("id"), 255))

    async def resolve(self, media_id: str) -> MediaInfo:
        """Return where a file is; raises MediaGoneError when Meta has it no longer, MediaError otherwise."""
        return parse_info(await self._call("GET", self._graph.build_url(media_id)))

    async def download(self, info: MediaInfo, sink: Sink, limit: int = MAX_DOWNLOAD_BYTES) -> int:
        """Stream a file of at most `limit` bytes into `sink` and return its size.

        Raises MediaExpiredError, MediaHostError, MediaTooLargeError, MediaDamagedError, MediaRefusedError or
        MediaUnreachableError; what `sink` holds is of no use then.
        """
        if (info.size or 0) > limit:
            raise _build_too_large_error(limit)
        url = parse_allowed_url(info.url, self._hosts)
        async with self._request("GET", url) as response:
            self._check_status(response)
            digest, size = hashlib.sha256(), 0
            async for chunk in response.content.iter_chunked(64 * 1024):
                size += len(chunk)
                if size > limit:
                    raise _build_too_large_error(limit)
                digest.update(chunk)
                sink.write(chunk)
        check_digest(digest.digest(), info.sha256)
        return size

    async def fetch(self, media_id: str, sink: Sink, limit: int = MAX_DOWNLOAD_BYTES) -> MediaInfo:
        """Resolve and download, once more when the address expired meanwhile; raises as both do."""
        info = await self.resolve(media_id)
        try:
            await self.download(info, sink, limit)
        except MediaExpiredError:
            info = await self.resolve(media_id)
            await self.download(info, sink, limit)
        return info

    async def delete(self, media_id: str) -> None:
        """Delete a file at Meta; raises MediaGoneError when it is gone already, MediaError otherwise."""
        await self._call("DELETE", self._graph.build_url(media_id))

    async def _call(self, method: str, url: str, data: aiohttp.FormData | None = None) -> dict[str, Any]:
        async with self._request(method, URL(url), data) as response:
            answer = to_dict(await read_json(response))
            if response.status == 200:
                return answer
            refused = classify_response(response.status, response.headers, answer, self._clock())
            error = to_dict(answer.get("error"))
            if (error.get("code"), error.get("error_subcode")) == MISSING_OBJECT:
                raise MediaGoneError("Meta no longer has this file: ask for it to be sent again.")
            raise MediaRefusedError(refused)

    @asynccontextmanager
    async def _request(
        self, method: str, url: URL, data: aiohttp.FormData | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._http.request(
                method,
                url,
                data=data,
                headers=self._graph.headers,
                timeout=MEDIA_TIMEOUT,
                # A redirect would carry the token to a host nobody has allowed.
                allow_redirects=False,
            ) as response:
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            words = explain_network_error(error, MEDIA_TIMEOUT)
            raise MediaUnreachableError(
                f"The file could not be transferred: {words}. Try it again."
            ) from error

    def _check_status(self, response: aiohttp.ClientResponse) -> None:
        if response.status == 200:
            return
        if 300 <= response.status < 400:
            raise MediaHostError("The file's address points elsewhere: it was not fetched.")
        if response.status in _EXPIRED_STATUSES:
            raise MediaExpiredError("The file's address has expired: ask for a new one.")
        raise MediaRefusedError(classify_response(response.status, response.headers, None, self._clock()))


def parse_info(value: object) -> MediaInfo:
    """Return the file an answer or a webhook describes; raises MediaExpiredError without an address."""
    data = to_dict(value)
    size = to_identifier(data.get("file_size"), 15)
    if not to_text(data.get("url")):
        raise MediaExpiredError("The file has no address: resolve its id.")
    return MediaInfo(
        url=to_text(data.get("url")),
        mime=to_text(data.get("mime_type")),
        sha256=to_text(data.get("sha256")),
        size=int(size) if size and size.isascii() and size.isdigit() else None,
    )


def _require_id(media_id: str | None) -> str:
    if media_id is None:
        raise MediaUnreachableError("Meta answered the upload without an id: try it again.")
    return media_id


def _build_too_large_error(limit: int) -> MediaTooLargeError:
    return MediaTooLargeError(f"The file is larger than {limit / MEGABYTE:.0f} MB: it was not fetched.")
