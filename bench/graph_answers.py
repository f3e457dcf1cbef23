"""What the Graph API answers: success bodies (specs: whatsapp A9) and refusals by error code (A13)."""

import base64
import json
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

from bench.wire import Answer


class _Refusal(NamedTuple):
    status: int
    title: str
    subcode: int | None = None
    transient: bool | None = None
    type: str = "OAuthException"


REFUSALS = {
    2: _Refusal(500, "An unexpected error occurred", transient=True, type="GraphMethodException"),
    4: _Refusal(429, "Application request limit reached", transient=True),
    100: _Refusal(400, "Invalid parameter"),
    104: _Refusal(401, "An access token is required to request this resource"),
    190: _Refusal(401, "Invalid OAuth access token", subcode=463),
    130429: _Refusal(429, "Rate limit hit"),
    131000: _Refusal(500, "Something went wrong"),
    131008: _Refusal(400, "Required parameter is missing"),
    131009: _Refusal(400, "Parameter value is not valid"),
    131016: _Refusal(503, "Service unavailable"),
    131026: _Refusal(400, "Message undeliverable"),
    131031: _Refusal(403, "Business Account locked"),
    131042: _Refusal(400, "Business eligibility payment issue"),
    131047: _Refusal(400, "Re-engagement message"),
    131048: _Refusal(400, "Spam rate limit hit"),
    131056: _Refusal(400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: _Refusal(500, "Account in maintenance mode"),
    132001: _Refusal(404, "Template name does not exist in the translation"),
}

_traces = count(1)


def refusal(code: int, details: str = "", retry_after: int | None = None) -> Answer:
    """Build the error answer of `code`; `retry_after` is in seconds.

    Raises KeyError for a code that is not in REFUSALS.
    """
    row = REFUSALS[code]
    error: dict[str, Any] = {"message": f"(#{code}) {row.title}", "type": row.type, "code": code}
    if row.subcode is not None:
        error["error_subcode"] = row.subcode
    if row.transient is not None:
        error["is_transient"] = row.transient
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return _error(row.status, error, {} if retry_after is None else {"Retry-After": str(retry_after)})


def missing_object(object_id: str) -> Answer:
    """Build the answer for an unknown or expired id: 400, code 100, subcode 33, never 404 (A9)."""
    text = (
        f"Unsupported get request. Object with ID '{object_id}' does not exist, cannot be loaded due to"
        " missing permissions, or does not support this operation."
    )
    error = {"message": text, "type": "GraphMethodException", "code": 100, "error_subcode": 33}
    return _error(400, error, {})


def _error(status: int, error: dict[str, Any], headers: dict[str, str]) -> Answer:
    trace = f"A{next(_traces):022x}"
    body = json.dumps({"error": {**error, "fbtrace_id": trace}}).encode()
    return Answer(status, body, {"x-fb-request-id": trace, **headers})


def new_wamid(to: str, number: int) -> str:
    """Make an id that looks like Meta's: opaque, long, base64 with padding."""
    return "wamid." + base64.b64encode(b"\x1d\x04%s\x15\x02\x00\x11%016x" % (to.encode(), number)).decode()


def success(request: Mapping[str, Any], wamid: str) -> Answer:
    """Build the answer to an accepted send; `wa_id` are the bare digits, absent for a business-scoped id."""
    contact = _contact(request)
    message = {"id": wamid}
    if request.get("type") == "template":
        message["message_status"] = "accepted"
    body = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    return Answer(200, json.dumps(body).encode())


def _contact(request: Mapping[str, Any]) -> dict[str, str]:
    # `to` wins if both are given (A9).
    if to := request.get("to"):
        return {"input": to, "wa_id": to.lstrip("+")}
    return {"input": request["recipient"], "user_id": request["recipient"]}


def done() -> Answer:
    """Build the answer to mark-as-read, typing and delete."""
    return Answer(200, b'{"success":true}')
