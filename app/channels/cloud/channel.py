"""WhatsApp Cloud API channel: one POST a message, without retries of its own (specs: whatsapp A9, A13)."""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import aiohttp
from pydantic import BaseModel

from app.channels.cloud.config import SETUP, CloudConfig, clean_account
from app.channels.cloud.error_codes import CATALOG
from app.channels.cloud.errors import classify_response
from app.channels.cloud.http import (
    BAD_ADDRESS_ERRORS,
    GRAPH_TIMEOUT,
    SEND_LIMITS,
    Graph,
    build_bad_address_refusal,
    build_graph,
    build_messages_endpoint,
    build_unreachable_refusal,
    explain_network_error,
    parse_answer,
    read_json,
)
from app.channels.cloud.media import CloudMedia, MediaGoneError, MediaRefusedError
from app.channels.cloud.media_rules import MediaHostError
from app.channels.cloud.message_types import MAX_ID
from app.channels.cloud.parse import parse
from app.channels.cloud.payloads import build_payload, build_read_mark
from app.channels.cloud.templates import list_approved
from app.channels.cloud.webhook import PATH, SIGNATURE_HEADER, answer_challenge, verify_signature
from app.channels.content.media_limits import (
    WHATSAPP_MEDIA_LIMITS,
    MediaError,
    MediaLimit,
    MediaTooLargeError,
)
from app.channels.content.tolerant import get_list, to_dict, to_identifier, to_text
from app.channels.contract import (
    AccountBatch,
    CheckResult,
    FileGoneError,
    Headers,
    MessageTemplate,
    OutboundMessage,
    RefusalClass,
    RefusalReason,
    SendRefusal,
    SendResult,
    SendSuccess,
    Sink,
    UnknownOutcome,
    UnreadableWebhookError,
)
from app.channels.error_catalog import ErrorCatalog
from app.channels.setup_guide import SetupGuide
from app.files import FileStore, parse_reference
from app.http_client import BadAddressError, BrokenError, HttpLimits, HttpSession, NotSentError
from app.settings import Settings
from app.signals import DomainError
from app.text import parse_json

_QUALITY = {"GREEN": "high", "YELLOW": "medium", "RED": "low"}


class CloudChannel:
    """Sends through the Graph API; `clock` gives unix time in seconds."""

    kind: ClassVar[str] = "cloud"
    title: ClassVar[str] = "WhatsApp Cloud API"
    Config: ClassVar[type[BaseModel]] = CloudConfig
    secrets: ClassVar[frozenset[str]] = frozenset({"access_token", "app_secret", "verify_token"})
    setup: ClassVar[SetupGuide] = SETUP
    path: ClassVar[str] = PATH
    window_hours: ClassVar[int | None] = 24
    window_refusal: ClassVar[SendRefusal | None] = SendRefusal(
        RefusalClass.NEVER,
        "131047",
        "The 24-hour window is closed: this person has not written for a day. WhatsApp only takes an approved "
        "template now.",
        reason=RefusalReason.WINDOW_CLOSED,
    )
    media_limits: ClassVar[Mapping[str, MediaLimit]] = WHATSAPP_MEDIA_LIMITS
    error_catalog: ClassVar[ErrorCatalog] = CATALOG
    # Meta takes a repeated request for a second message (specs: whatsapp 0).
    is_idempotent: ClassVar[bool] = False
    is_simulated: ClassVar[bool] = False
    clean_account = staticmethod(clean_account)

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        limits: HttpLimits = SEND_LIMITS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._limits = limits
        self._files = FileStore(settings.brainbox_data)

    async def send(self, http: HttpSession, config: BaseModel, outbound: OutboundMessage) -> SendResult:
        """Send one message; what the network or Meta does comes back as a result, never as an error."""
        try:
            body = build_payload(await self._upload_file(http.files, config, outbound))
        except MediaRefusedError as error:
            return error.refusal
        except DomainError as error:
            return SendRefusal(
                RefusalClass.TRANSIENT if isinstance(error, MediaError) else RefusalClass.FIX,
                error.code,
                str(error),
            )
        return await self._deliver(http, config, outbound.account, body)

    async def mark_read(
        self,
        http: HttpSession,
        config: BaseModel,
        account: str,
        message_id: str,
        *,
        is_typing: bool = False,
    ) -> SendResult:
        """Mark a message as read; Meta shows the typing indicator until the answer, 25 s at most."""
        return await self._deliver(http, config, account, build_read_mark(message_id, is_typing=is_typing))

    async def _deliver(
        self, http: HttpSession, config: BaseModel, account: str, body: Mapping[str, Any]
    ) -> SendResult:
        try:
            return await self._post(http, self._build_graph(config), account, body)
        except BadAddressError:
            return build_bad_address_refusal()
        except NotSentError as error:
            return build_unreachable_refusal(str(error))
        except BrokenError as error:
            return _build_unknown_outcome(str(error))

    async def check(self, http: aiohttp.ClientSession, config: BaseModel, account: str) -> CheckResult:
        """Ask Meta for the number's name; nothing is sent."""
        graph = self._build_graph(config)
        fields = {"fields": "display_phone_number,verified_name,quality_rating"}
        try:
            async with http.get(
                graph.build_url(account),
                params=fields,
                headers=graph.headers,
                timeout=GRAPH_TIMEOUT,
                allow_redirects=False,
            ) as response:
                answer = await read_json(response)
                if response.status != 200:
                    refusal = classify_response(response.status, response.headers, answer, self._clock())
                    return CheckResult(ok=False, message=refusal.message)
        except BAD_ADDRESS_ERRORS:
            return CheckResult(ok=False, message=build_bad_address_refusal().message)
        except (aiohttp.ClientError, TimeoutError) as error:
            words = explain_network_error(error, GRAPH_TIMEOUT)
            return CheckResult(ok=False, message=build_unreachable_refusal(words).message)
        return _parse_check_response(to_dict(answer))

    async def fetch(self, http: aiohttp.ClientSession, config: BaseModel, media_id: str, sink: Sink) -> str:
        """Fetch a file within the 7 days Meta keeps it (specs: whatsapp A10)."""
        try:
            return (await self._build_media(http, config).fetch(media_id, sink)).mime
        except (MediaGoneError, MediaHostError, MediaTooLargeError) as error:
            raise FileGoneError(str(error)) from None

    async def list_templates(
        self, http: aiohttp.ClientSession, config: BaseModel
    ) -> Sequence[MessageTemplate]:
        """List the approved templates of the number's business account."""
        given = CloudConfig.model_validate(config)
        return await list_approved(http, self._build_graph(given), given.business_account)

    def answer_handshake(self, query: Mapping[str, str], configs: Collection[BaseModel]) -> str | None:
        """Return Meta's challenge when the query has the verify token of a connection (specs: whatsapp A2)."""
        return answer_challenge(query, [CloudConfig.model_validate(each).verify_token for each in configs])

    def verify(self, body: bytes, headers: Headers, configs: Mapping[int, BaseModel]) -> Collection[int]:
        """Return the connections whose app secret signs the body; many numbers may share one app."""
        signature = headers.get(SIGNATURE_HEADER)
        secrets = {number: CloudConfig.model_validate(each).app_secret for number, each in configs.items()}
        proven = {each for each in set(secrets.values()) if verify_signature(body, signature, (each,))}
        return {number for number, secret in secrets.items() if secret in proven}

    def list_cosigners(self, config: BaseModel, configs: Mapping[int, BaseModel]) -> Collection[int]:
        """Return the connections of the same app: they share its secret."""
        secret = CloudConfig.model_validate(config).app_secret
        return {
            number
            for number, each in configs.items()
            if CloudConfig.model_validate(each).app_secret == secret
        }

    def parse(self, body: bytes) -> Sequence[AccountBatch]:
        """Return the items of a webhook; raises UnreadableWebhookError for what is no JSON."""
        try:
            payload = parse_json(body)
        except ValueError:
            raise UnreadableWebhookError("The webhook is no JSON.") from None
        return parse(payload)

    def _build_media(self, http: aiohttp.ClientSession, config: BaseModel) -> CloudMedia:
        return CloudMedia(http, self._build_graph(config), self._settings.media_hosts, self._clock)

    async def _upload_file(
        self, http: aiohttp.ClientSession, config: BaseModel, outbound: OutboundMessage
    ) -> OutboundMessage:
        """Give a file of ours to Meta first, for the id under which it can be sent."""
        ours = parse_reference(outbound.content.get("media_id"))
        if ours is None:
            return outbound
        path = self._files.find_path(ours[0])
        if path is None:
            raise FileGoneError("The file of this message is no longer here: attach it again.")
        name = str(outbound.content.get("filename") or ours[0][:12])
        media_id = await self._build_media(http, config).upload(
            outbound.account, path.open("rb"), ours[1], name
        )
        return replace(outbound, content={**outbound.content, "media_id": media_id})

    def _build_graph(self, config: BaseModel) -> Graph:
        return build_graph(self._settings, CloudConfig.model_validate(config).access_token)

    async def _post(
        self, http: HttpSession, graph: Graph, account: str, body: Mapping[str, Any]
    ) -> SendResult:
        endpoint = build_messages_endpoint(graph, account)
        response = await http.client.post(endpoint, json.dumps(body).encode(), self._limits)
        is_accepted = 200 <= response.status < 300
        if response.interruption:
            if is_accepted:
                return _build_unknown_outcome(response.interruption)
            # Refused for certain, but the reason was lost on the way: the next try will tell it.
            message = f"WhatsApp refused the message (HTTP {response.status}) and the connection broke."
            return SendRefusal(RefusalClass.TRANSIENT, f"http_{response.status}", message)
        answer = parse_answer(response.body)
        if is_accepted:
            # A read mark becomes no message: it is accepted without an id.
            return SendSuccess("") if "status" in body else _parse_send_response(answer)
        return classify_response(response.status, response.headers, answer, self._clock())


def _build_unknown_outcome(reason: str) -> UnknownOutcome:
    return UnknownOutcome(f"Whether WhatsApp took the message is not known: {reason}.")


def _parse_send_response(answer: object) -> SendResult:
    messages = get_list(answer, "messages")
    provider_id = to_identifier(to_dict(messages[0]).get("id"), MAX_ID) if messages else None
    return (
        SendSuccess(provider_id) if provider_id else UnknownOutcome("WhatsApp answered without a message id.")
    )


def _parse_check_response(answer: Mapping[str, Any]) -> CheckResult:
    number, name = to_text(answer.get("display_phone_number")), to_text(answer.get("verified_name"))
    if not number and not name:
        return CheckResult(
            ok=False, message="Meta answered without a phone number: check the phone number id."
        )
    quality = _QUALITY.get(to_text(answer.get("quality_rating")), "not rated yet")
    return CheckResult(
        ok=True, message=f"Connected to {name or 'a number without a name'} ({number}), quality {quality}."
    )
