"""Headers and addresses of every answer."""

import gzip
from pathlib import Path

import pytest
from flask import Flask, request

from app import create_app
from app.settings import Settings
from app.web import allow_public


def close(app: Flask) -> None:
    database = app.extensions["services"].database
    database.writer.close()
    database.engine.dispose()


@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_only_trusted_proxies_are_believed_about_the_caller(settings: Settings, proxies: int, seen: str):
    app = create_app(settings.model_copy(update={"trusted_proxies": proxies}))
    app.add_url_rule("/who", "who", allow_public(lambda: request.remote_addr or ""))
    answer = app.test_client().get("/who", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert answer.text == seen
    close(app)


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
    close(app)


def test_two_installations_on_one_host_do_not_share_their_cookie(settings: Settings, tmp_path: Path):
    apps = [
        create_app(settings),
        create_app(settings.model_copy(update={"secret_key": "another secret key"})),
        create_app(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'other.db'}"})),
    ]
    names = {app.config[name] for app in apps for name in ("SESSION_COOKIE_NAME", "REMEMBER_COOKIE_NAME")}
    assert len(names) == 6
    assert not names & {"session", "remember_token"}
    for app in apps:
        close(app)


def test_pages_are_compressed_for_browsers_that_take_it_and_small_or_other_answers_are_not(
    installation: Flask,
):
    client, taking = installation.test_client(), {"Accept-Encoding": "gzip, br"}
    plain = client.get("/setup")
    packed = [client.get("/setup", headers=taking) for _ in range(12)]
    assert plain.headers.get("Content-Encoding") is None
    for answer in packed:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) == len(answer.data) < len(plain.data) / 2
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert b"</html>" in gzip.decompress(answer.data)
    assert len({len(answer.data) for answer in packed}) > 3
    assert client.get("/healthz", headers=taking).headers.get("Content-Encoding") is None
