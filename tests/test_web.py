"""Headers and addresses of every answer."""

import pytest
from flask import Flask, request

from app import create_app
from app.settings import Settings


def put_away(app: Flask) -> None:
    database = app.extensions["house"].database
    database.writer.close()
    database.engine.dispose()


@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_only_trusted_proxies_are_believed_about_the_caller(settings: Settings, proxies: int, seen: str):
    app = create_app(settings.model_copy(update={"trusted_proxies": proxies}))
    app.add_url_rule("/who", "who", lambda: request.remote_addr or "")
    answer = app.test_client().get("/who", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert answer.text == seen
    put_away(app)


def test_every_answer_forbids_inline_code_and_framing(installation: Flask):
    headers = installation.test_client().get("/healthz").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-Id"]


def test_behind_tls_cookies_are_secure_and_https_is_remembered(settings: Settings):
    app = create_app(settings.model_copy(update={"https_only": True}))
    assert app.config["SESSION_COOKIE_SECURE"]
    assert "max-age" in app.test_client().get("/healthz").headers["Strict-Transport-Security"]
    put_away(app)
