"""Message templates of the fake Graph API: GET /{version}/{business account}/message_templates."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from bench.wire import Answer

EXAMPLES: list[dict[str, Any]] = [
    {
        "id": "1",
        "name": "order_update",
        "language": "en",
        "status": "APPROVED",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Your order {{1}}"},
            {"type": "BODY", "text": "Hello {{1}}, your order leaves us on {{2}}."},
            {"type": "FOOTER", "text": "Reply to talk to us"},
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Track it", "url": "https://example.com/{{1}}"}],
            },
        ],
    },
    {
        "id": "2",
        "name": "welcome_back",
        "language": "en",
        "status": "APPROVED",
        "category": "MARKETING",
        "components": [{"type": "BODY", "text": "Good to see you again, {{first_name}}!"}],
    },
    {
        "id": "3",
        "name": "refused_one",
        "language": "en",
        "status": "REJECTED",
        "category": "MARKETING",
        "components": [{"type": "BODY", "text": "Buy now"}],
    },
]


def listed(templates: list[dict[str, Any]], query: str) -> Answer:
    """Answer with a page of templates, as the Graph pages lists: `limit`, then `after`."""
    fields = parse_qs(query)
    limit, start = int(fields.get("limit", ["25"])[0]), int(fields.get("after", ["0"])[0])
    wanted = fields.get("status", [""])[0]
    found = [each for each in templates if wanted in ("", each["status"])]
    body: Mapping[str, Any] = {"data": found[start : start + limit]}
    if start + limit < len(found):
        paging = {"cursors": {"after": str(start + limit)}, "next": "https://graph.facebook.com/next"}
        body = {**body, "paging": paging}
    return Answer(200, json.dumps(body).encode())
