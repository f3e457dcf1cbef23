"""The WhatsApp Cloud API as a channel: one POST a message, never repeated here (specs: whatsapp A9, A13)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import aiohttp
from pydantic import BaseModel

from app.bot.channels.cloud.build import build
from app.bot.channels.cloud.config import CloudConfig, clean_account
from app.bot.channels.cloud.errors import classify
from app.bot.channels.cloud.graph import (
    BAD_ADDRESS,
    NOT_SENT,
    SEND_TIMEOUT,
    Graph,
    graph_of,
    misdirected,
    read_json,
    unreachable,
)
from app.bot.channels.cloud.kinds import MAX_ID
from app.bot.channels.cloud.media import CloudMedia, MediaGoneError, MediaRefusedError
from app.bot.channels.cloud.media_rules import MediaError, MediaHostError, MediaTooLargeError
from app.bot.channels.cloud.templates import list_templates
from app.bot.channels.cloud.tolerant import ident, listed, mapping, words
from app.bot.channels.contract import (
    Checked,
    Fault,
    FileGone,
    Outbound,
    Refused,
    SendResult,
    Sent,
    Sink,
    TemplateForm,
    Uncertain,
)
from app.bot.files import FileStore, referenced
from app.settings import Settings
from app.signals import DomainError

_QUALITY = {"GREEN": "high", "YELLOW": "medium", "RED": "low"}


class CloudChannel:
    """Sends through the Graph API; `clock` gives unix time in seconds."""

    kind: ClassVar[str] = "cloud"
    title: ClassVar[str] = "WhatsApp Cloud API"
    Config: ClassVar[type[BaseModel]] = CloudConfig
    secrets: ClassVar[frozenset[str]] = frozenset({"access_token", "app_secret", "verify_token"})
    window_hours: ClassVar[int | None] = 24
    # Meta takes a repeated request for a second message (specs: whatsapp 0).
    repeatable: ClassVar[bool] = False
    clean_account = staticmethod(clean_account)

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        timeout: aiohttp.ClientTimeout = SEND_TIMEOUT,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timeout = timeout
        self._files = FileStore(settings.brainbox_data)

    async def send(self, http: aiohttp.ClientSession, config: BaseModel, outbound: Outbound) -> SendResult:
        """Send one message; what the network or Meta does comes back as a result, never as an error."""
        try:
            body = build(await self._uploaded(http, config, outbound))
        except MediaRefusedError as error:
            return error.refused
        except DomainError as error:
            return Refused(
                Fault.TRANSIENT if isinstance(error, MediaError) else Fault.FIX, error.code, str(error)
            )
        return await self._delivered(http, config, outbound, body)

    async def _delivered(
        self, http: aiohttp.ClientSession, config: BaseModel, outbound: Outbound, body: Mapping[str, Any]
    ) -> SendResult:
        try:
            return await self._post(http, self._graph(config), outbound.account, body)
        except NOT_SENT as error:
            return unreachable(error)
        except BAD_ADDRESS:
            return misdirected()
        except (aiohttp.ClientError, TimeoutError) as error:
            return Uncertain(
                f"The connection broke before WhatsApp's answer was read ({type(error).__name__})."
            )

    async def check(self, http: aiohttp.ClientSession, config: BaseModel, account: str) -> Checked:
        """Ask Meta for the number's name; nothing is sent."""
        graph = self._graph(config)
        fields = {"fields": "display_phone_number,verified_name,quality_rating"}
        try:
            async with http.get(
                graph.url(account),
                params=fields,
                headers=graph.headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                answer = await read_json(response)
                if response.status != 200:
                    return Checked(ok=False, message=self._refusal(response, answer).message)
        except BAD_ADDRESS:
            return Checked(ok=False, message=misdirected().message)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Checked(ok=False, message=unreachable(error).message)
        return _checked(mapping(answer))

    async def fetch(self, http: aiohttp.ClientSession, config: BaseModel, media_id: str, sink: Sink) -> str:
        """Fetch a file within the 7 days Meta keeps it (specs: whatsapp A10)."""
        try:
            return (await self._media(http, config).fetch(media_id, sink)).mime
        except (MediaGoneError, MediaHostError, MediaTooLargeError) as error:
            raise FileGone(str(error)) from None

    async def templates(self, http: aiohttp.ClientSession, config: BaseModel) -> Sequence[TemplateForm]:
        """List the approved templates of the number's business account."""
        given = CloudConfig.model_validate(config)
        return await list_templates(http, self._graph(given), given.business_account)

    def _media(self, http: aiohttp.ClientSession, config: BaseModel) -> CloudMedia:
        return CloudMedia(http, self._graph(config), self._settings.media_hosts, self._clock)

    async def _uploaded(self, http: aiohttp.ClientSession, config: BaseModel, outbound: Outbound) -> Outbound:
        """Give a file of ours to Meta first, for the id under which it can be sent."""
        ours = referenced(outbound.content.get("media_id"))
        if ours is None:
            return outbound
        path = self._files.path(ours[0])
        if path is None:
            raise FileGone("The file of this message is no longer here: attach it again.")
        name = str(outbound.content.get("filename") or ours[0][:12])
        media_id = await self._media(http, config).upload(outbound.account, path.open("rb"), ours[1], name)
        return replace(outbound, content={**outbound.content, "media_id": media_id})

    def _graph(self, config: BaseModel) -> Graph:
        return graph_of(self._settings, CloudConfig.model_validate(config).access_token)

    async def _post(
        self, http: aiohttp.ClientSession, graph: Graph, account: str, body: Mapping[str, Any]
    ) -> SendResult:
        async with http.post(
            graph.url(account, "messages"),
            json=body,
            headers=graph.headers,
            timeout=self._timeout,
            allow_redirects=False,
        ) as response:
            if 200 <= response.status < 300:
                return _accepted(await read_json(response))
            try:
                answer = await read_json(response)
            except (aiohttp.ClientError, TimeoutError):
                # Refused for certain, but the reason was lost on the way: the next try will tell it.
                message = f"WhatsApp refused the message (HTTP {response.status}) and the connection broke."
                return Refused(Fault.TRANSIENT, f"http_{response.status}", message)
            return self._refusal(response, answer)

    def _refusal(self, response: aiohttp.ClientResponse, answer: object) -> Refused:
        return classify(response.status, response.headers, answer, self._clock())


def _accepted(answer: object) -> SendResult:
    messages = listed(answer, "messages")
    provider_id = ident(mapping(messages[0]).get("id"), MAX_ID) if messages else None
    return Sent(provider_id) if provider_id else Uncertain("WhatsApp answered without a message id.")


def _checked(answer: Mapping[str, Any]) -> Checked:
    number, name = words(answer.get("display_phone_number")), words(answer.get("verified_name"))
    if not number and not name:
        return Checked(ok=False, message="Meta answered without a phone number: check the phone number id.")
    quality = _QUALITY.get(words(answer.get("quality_rating")), "not rated yet")
    return Checked(
        ok=True, message=f"Connected to {name or 'a number without a name'} ({number}), quality {quality}."
    )
