"""Cookie of a device that has signed in: its name, how long it is kept; where a request comes from."""

import secrets
from typing import Final

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from app.accounts.known_origins import LIFETIME_MS, Origin, find_network
from app.services import services

_SALT: Final = "device"


def read_origin() -> Origin:
    """Return where this request comes from; a cookie that is not signed by us names no device."""
    try:
        device = _get_serializer().loads(request.cookies.get(_get_cookie_name(), ""))
    except BadData:
        device = ""
    return Origin(find_network(request.remote_addr or ""), str(device))


def set_device_cookie() -> Origin:
    """Let this device be known by a cookie, by the one it has if it has one; returns the origin with its name."""
    origin = read_origin()
    device = origin.device or secrets.token_urlsafe(24)
    value = _get_serializer().dumps(device)

    @after_this_request
    def attach(response: Response) -> Response:
        response.set_cookie(
            _get_cookie_name(),
            str(value),
            max_age=LIFETIME_MS // 1000,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response

    return Origin(origin.network, device)


def _get_serializer() -> URLSafeSerializer:
    return URLSafeSerializer(services().settings.secret_key, salt=_SALT)


def _get_cookie_name() -> str:
    return f"brainbox_{services().settings.installation_id}_device"
