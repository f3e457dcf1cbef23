"""List of approved message templates of a business account: paging, size limit (Graph API)."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from app.channels.cloud.errors import classify_response
from app.channels.cloud.http import (
    BAD_ADDRESS_ERRORS,
    GRAPH_TIMEOUT,
    Graph,
    build_bad_address_refusal,
    build_unreachable_refusal,
    explain_network_error,
    read_json,
)
from app.channels.content.tolerant import get_list, to_dict, to_text
from app.channels.contract import MessageTemplate
from app.signals import DomainError

PAGE_SIZE = 100
MAX_PAGES = 10
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
_FIELDS = "name,language,status,category,components"


class TemplatesUnavailableError(DomainError):
    """Templates that cannot be listed; the message says what to do."""

    code = "templates"


async def list_approved(http: aiohttp.ClientSession, graph: Graph, account: str) -> Sequence[MessageTemplate]:
    """List the approved templates, by name; raises TemplatesUnavailableError."""
    if not account:
        raise TemplatesUnavailableError(
            "The connection has no WhatsApp Business account id: enter it there, then choose a template here."
        )
    found: list[MessageTemplate] = []
    query = {"fields": _FIELDS, "status": "APPROVED", "limit": str(PAGE_SIZE)}
    for _ in range(MAX_PAGES):
        answer = await _fetch_page(http, graph, account, query)
        found += [form for each in get_list(answer, "data") if (form := _parse_template(to_dict(each)))]
        after = to_text(to_dict(to_dict(answer.get("paging")).get("cursors")).get("after"))
        if not after or not to_dict(answer.get("paging")).get("next"):
            break
        query = {**query, "after": after}
    return sorted(found, key=lambda form: (form.name, form.language))


async def _fetch_page(
    http: aiohttp.ClientSession, graph: Graph, account: str, query: Mapping[str, str]
) -> Mapping[str, Any]:
    try:
        async with http.get(
            graph.build_url(account, "message_templates"),
            params=query,
            headers=graph.headers,
            timeout=GRAPH_TIMEOUT,
            allow_redirects=False,
        ) as response:
            answer = await read_json(response, MAX_RESPONSE_BYTES)
            if response.status != 200:
                raise TemplatesUnavailableError(
                    classify_response(response.status, response.headers, answer, 0).message
                )
    except BAD_ADDRESS_ERRORS:
        raise TemplatesUnavailableError(build_bad_address_refusal().message) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        words = explain_network_error(error, GRAPH_TIMEOUT)
        raise TemplatesUnavailableError(build_unreachable_refusal(words).message) from None
    return to_dict(answer)


def _parse_template(data: Mapping[str, Any]) -> MessageTemplate | None:
    name, language = to_text(data.get("name")), to_text(data.get("language"))
    if not name or not language or to_text(data.get("status")) != "APPROVED":
        return None
    components = [to_dict(each) for each in get_list(data, "components")]
    return MessageTemplate(name, language, to_text(data.get("category")).lower(), components)
