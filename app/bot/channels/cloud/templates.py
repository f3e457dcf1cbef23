"""The approved templates of a WhatsApp Business account (Graph API: GET /{account}/message_templates)."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from app.bot.channels.cloud.errors import classify
from app.bot.channels.cloud.graph import BAD_ADDRESS, SEND_TIMEOUT, Graph, misdirected, read_json, unreachable
from app.bot.channels.cloud.tolerant import listed, mapping, words
from app.bot.channels.contract import TemplateForm
from app.signals import DomainError

PAGE = 100
MAX_PAGES = 10
MAX_ANSWER = 4 * 1024 * 1024
_FIELDS = "name,language,status,category,components"


class NoTemplates(DomainError):
    """Templates that cannot be listed; the message says what to do."""

    code = "templates"


async def list_templates(http: aiohttp.ClientSession, graph: Graph, account: str) -> Sequence[TemplateForm]:
    """List the approved templates, by name; raises NoTemplates."""
    if not account:
        raise NoTemplates(
            "The connection has no WhatsApp Business account id: enter it there, then choose a template here."
        )
    found: list[TemplateForm] = []
    query = {"fields": _FIELDS, "status": "APPROVED", "limit": str(PAGE)}
    for _ in range(MAX_PAGES):
        answer = await _page(http, graph, account, query)
        found += [form for each in listed(answer, "data") if (form := _form(mapping(each)))]
        after = words(mapping(mapping(answer.get("paging")).get("cursors")).get("after"))
        if not after or not mapping(answer.get("paging")).get("next"):
            break
        query = {**query, "after": after}
    return sorted(found, key=lambda form: (form.name, form.language))


async def _page(
    http: aiohttp.ClientSession, graph: Graph, account: str, query: Mapping[str, str]
) -> Mapping[str, Any]:
    try:
        async with http.get(
            graph.url(account, "message_templates"),
            params=query,
            headers=graph.headers,
            timeout=SEND_TIMEOUT,
            allow_redirects=False,
        ) as response:
            answer = await read_json(response, MAX_ANSWER)
            if response.status != 200:
                raise NoTemplates(classify(response.status, response.headers, answer, 0).message)
    except BAD_ADDRESS:
        raise NoTemplates(misdirected().message) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NoTemplates(unreachable(error).message) from None
    return mapping(answer)


def _form(data: Mapping[str, Any]) -> TemplateForm | None:
    name, language = words(data.get("name")), words(data.get("language"))
    if not name or not language or words(data.get("status")) != "APPROVED":
        return None
    components = [mapping(each) for each in listed(data, "components")]
    return TemplateForm(name, language, words(data.get("category")).lower(), components)
