"""Sessions: each ends for itself, at once, for every copy of its cookie and for its live pages."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from app.accounts import sessions
from app.accounts.users import Passwords, User, create_user
from app.db.writer import Database
from app.services import Services
from app.web import limiter
from tests.conftest import Clock

PASSWORD = "a long enough password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Safari/604"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
NEW = {"current": PASSWORD, "new": "another long password"}


@pytest.fixture
def app(installation: Flask, clock: Clock) -> Iterator[Flask]:
    installation.config["WTF_CSRF_ENABLED"] = False
    limiter.enabled = False
    services: Services = installation.extensions["services"]
    services.clock = clock
    hashing = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    services.put(hashing)
    for email in ("a@example.com", "b@example.com"):
        services.database.write(
            lambda s, email=email: create_user(s, hashing, email=email, password=PASSWORD, now=1)
        )
    services.realtime.start()
    yield installation
    limiter.enabled = True


def sign_in(app: Flask, email: str = "a@example.com", password: str = PASSWORD) -> FlaskClient:
    client = app.test_client()
    form = {"email": email, "password": password}
    assert client.post("/login", data=form, headers={"User-Agent": FIREFOX}).status_code == 302
    return client


def is_in(client: FlaskClient) -> bool:
    return client.get("/dashboard").status_code == 200


def copy_cookie(app: Flask, client: FlaskClient) -> FlaskClient:
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = client.get_cookie(name)
    assert cookie
    copy = app.test_client()
    copy.set_cookie(name, cookie.value)
    return copy


def list_ids(app: Flask, user_id: int = 1) -> list[int]:
    services: Services = app.extensions["services"]
    with services.database.read() as session:
        return [row.id for row in sessions.list_for_user(session, user_id, services.clock())]


def test_signing_out_ends_the_session_for_a_kept_copy_of_its_cookie(app: Flask):
    client, other = sign_in(app), sign_in(app)
    copy = copy_cookie(app, client)
    assert is_in(copy)
    client.post("/logout")
    assert not is_in(copy)
    assert is_in(other)


def test_signing_in_again_ends_the_session_this_browser_had(app: Flask):
    client = sign_in(app)
    copy = copy_cookie(app, client)
    client.post("/login", data={"email": "a@example.com", "password": PASSWORD})
    assert is_in(client)
    assert not is_in(copy)


def test_sign_out_everywhere_ends_all_sessions_of_a_user_and_no_others(app: Flask):
    mine, also_mine, theirs = sign_in(app), sign_in(app), sign_in(app, "b@example.com")
    assert "/login" in mine.post("/settings/account/sessions/end").location
    assert [is_in(each) for each in (mine, also_mine, theirs)] == [False, False, True]


def test_signing_out_elsewhere_keeps_this_device(app: Flask):
    mine, also_mine, theirs = sign_in(app), sign_in(app), sign_in(app, "b@example.com")
    assert mine.post("/settings/account/sessions/end-others").status_code == 302
    assert [is_in(each) for each in (mine, also_mine, theirs)] == [True, False, True]


def test_the_list_says_from_which_address(app: Flask):
    assert "127.0.0.1" in sign_in(app).get("/settings/account/").text


def test_a_person_has_a_name_a_language_and_a_time_zone_of_their_own(app: Flask):
    mine = sign_in(app)
    form = {"name": " Ada ", "language": "en", "timezone": "Asia/Kolkata"}
    assert mine.post("/settings/account/profile", data=form).status_code == 302
    page = mine.get("/settings/account/").text
    assert 'value="Ada"' in page
    assert 'value="Asia/Kolkata"' in page
    # 2026-05-28T20:26:40Z is the next day there.
    assert "29 May" in mine.get("/settings/account/").text
    for field, value in (("timezone", "Mars/Olympus"), ("language", "xx")):
        answer = mine.post("/settings/account/profile", data={**form, field: value})
        assert answer.status_code == 422
    assert "Asia/Kolkata" in mine.get("/settings/account/").text


def test_one_device_is_signed_out_from_the_list(app: Flask):
    mine, lost = sign_in(app), sign_in(app)
    page = mine.get("/settings/account/").text
    assert page.count("Firefox on Linux") >= 2
    assert page.count("This device") == 1
    mine.post(f"/settings/account/sessions/{max(list_ids(app))}/end")
    assert [is_in(each) for each in (mine, lost)] == [True, False]


def test_the_session_of_somebody_else_cannot_be_ended(app: Flask):
    mine, theirs = sign_in(app), sign_in(app, "b@example.com")
    assert mine.post(f"/settings/account/sessions/{list_ids(app, 2)[0]}/end").status_code == 404
    assert is_in(theirs)


def test_a_new_password_ends_the_other_sessions_and_is_the_only_one_that_works(app: Flask):
    mine, other = sign_in(app), sign_in(app)
    assert mine.post("/settings/account/password", data=NEW).status_code == 302
    assert [is_in(each) for each in (mine, other)] == [True, False]
    assert is_in(sign_in(app, password=NEW["new"]))
    former = {"email": "a@example.com", "password": PASSWORD}
    assert app.test_client().post("/login", data=former).status_code == 422


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("not my password", "another long password", "not your current password"),
        (PASSWORD, "short", "10 to 200 characters"),
        (PASSWORD, PASSWORD, "the same as the current one"),
        (PASSWORD, "x" * 201, "10 to 200 characters"),
    ],
)
def test_a_password_is_refused_beside_its_field(app: Flask, current: str, new: str, words: str):
    mine, other = sign_in(app), sign_in(app)
    answer = mine.post("/settings/account/password", data={"current": current, "new": new})
    assert answer.status_code == 422
    assert words in answer.text
    assert "aria-invalid" in answer.text
    assert is_in(other)


@pytest.mark.parametrize("path", ["password", "sessions/end", "sessions/1/end"])
def test_no_other_site_changes_an_account(app: Flask, path: str):
    client = sign_in(app)
    app.config["WTF_CSRF_ENABLED"] = True
    assert client.post(f"/settings/account/{path}", data=NEW).status_code == 419
    assert is_in(client)


def test_a_session_runs_out(app: Flask, clock: Clock):
    client = sign_in(app)
    clock.pass_seconds(sessions.LIFETIME_MS / 1000 - 60)
    assert len(list_ids(app)) == 1
    clock.pass_seconds(120)
    assert not is_in(client)
    assert list_ids(app) == []
    sign_in(app)
    with app.extensions["services"].database.read() as session:
        assert session.query(sessions.SignIn).count() == 1


def test_the_time_last_seen_is_written_now_and_then(app: Flask, clock: Clock):
    client = sign_in(app)

    def get_seen() -> int:
        with app.extensions["services"].database.read() as session:
            return session.get_one(sessions.SignIn, 1).seen_at

    began = get_seen()
    clock.pass_seconds(60)
    assert is_in(client)
    assert get_seen() == began
    clock.pass_seconds(sessions.SEEN_INTERVAL_MS / 1000)
    assert is_in(client)
    assert get_seen() == clock.now


def test_the_live_page_of_an_ended_session_is_disconnected_and_no_other(app: Flask):
    mine, other = sign_in(app), sign_in(app)
    live, others = (
        app.extensions["socketio"].test_client(app, flask_test_client=each) for each in (mine, other)
    )
    granted = live.emit("watch", {"topics": ["dashboard", "session:2"]}, callback=True)
    assert granted == ["dashboard"]
    mine.post("/logout")
    end = time.monotonic() + 5
    while live.is_connected() and time.monotonic() < end:
        time.sleep(0.02)
    assert not live.is_connected()
    assert others.is_connected()


def test_the_token_is_not_in_the_database(database: Database):
    def begin(session: Any) -> None:
        hashing = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        create_user(session, hashing, email="a@example.com", password=PASSWORD, now=1)
        sessions.begin(session, 1, "the token", ("Firefox", "203.0.113.7"), 5)

    database.write(begin)
    with database.read() as session:
        row = session.get_one(sessions.SignIn, 1)
        assert "the token" not in row.token_hash
        found = sessions.find(session, "the token", 6)
        assert found
        assert found.user.id == 1
        assert sessions.find(session, row.token_hash, 6) is None
        assert sessions.find(session, "", 6) is None
        assert session.get_one(User, 1).last_login_at == 5


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown device"),
        ("\u200b" * 500, "\u200b" * 60),
    ],
)
def test_a_device_is_named_in_words(user_agent: str, words: str):
    assert sessions.describe_device(user_agent) == words
