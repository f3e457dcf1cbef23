"""Errors of scripts in operators' browsers, kept as log events of the source “browser”."""

import json
from typing import Final

from flask import request
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.logs.event_input import EventReader
from app.services import services
from app.web import limiter

blueprint = PageBlueprint("browser_errors", __name__, url_prefix="/logs/browser", section="logs")
MAX_BODY: Final = 16 * 1024
_FIELDS: Final = ("text", "file", "line", "column", "stack", "page")


@blueprint.post("/")
@require_right(Right.ACCOUNT)
@limiter.limit("30 per minute")
def receive() -> Response:
    """Take one error; what cannot be read is dropped, as there is nobody to tell."""
    logs = services().logs
    body = request.get_data()[:MAX_BODY]
    if not logs.is_on:
        return Response(status=204)
    try:
        given = json.loads(body)
        fields = {name: str(given[name])[:4000] for name in _FIELDS if given.get(name)}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return Response(status=400)
    fields |= {"level": "error", "logger": "browser", "user": current_user.id}
    fields["agent"] = request.headers.get("User-Agent", "")[:300]
    service = logs.service
    read = EventReader(service.ids, service.redactor, service.clock).read(
        json.dumps(fields).encode(), "browser", "browser", is_lines=False
    )
    if read.events:
        service.submit(read.events, len(body))
    return Response(status=204 if read.events else 400)
