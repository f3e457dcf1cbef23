"""Second factor in the browser: set up, asked for, recovered from, turned off; and guesses at it are slowed."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from pyotp.totp import TOTP
from sqlalchemy import update

from app.accounts.roles import Role
from app.accounts.second_factor import SecondFactor
from app.accounts.throttle import ACCOUNT_BUDGET
from app.services import Services
from app.web import limiter
from tests.admin.browser import PASSWORD, Browser
from tests.conftest import Clock

PAGE = "/settings/account/second-factor/"
LOGIN = {"email": "owner@example.com", "password": PASSWORD}


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, services: Services, clock: Clock) -> Iterator[Clock]:
    limiter.enabled = False
    app.config["WTF_CSRF_ENABLED"] = False
    services.clock = clock
    yield clock
    limiter.enabled = True


@pytest.fixture
def factor(owner: Browser, clock: Clock) -> tuple[TOTP, list[str]]:
    """Turn the owner's second factor on; returns the app of their phone, and the recovery codes."""
    assert owner.post(PAGE + "begin", password=PASSWORD).status_code == 302
    page = owner.get(PAGE).text
    assert 'src="data:image/svg+xml' in page
    key = re.search(r'factor-key">([A-Z2-7 ]+)<', page)
    assert key
    phone = TOTP(key[1].replace(" ", ""))
    answer = owner.post(PAGE + "enable", code=phone.at(clock.now // 1000))
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", answer.text)
    assert len(codes) == 10
    clock.pass_seconds(30)
    return phone, codes


def give_password(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    answer = browser.client.post("/login", data=LOGIN)
    assert answer.location.endswith("/login/code")
    return browser


def test_the_password_alone_opens_nothing_and_a_code_does(
    app: Flask, factor: tuple[TOTP, list[str]], clock: Clock
):
    browser = give_password(app)
    assert "/login" in browser.get("/settings/account/").location
    wrong = browser.post("/login/code", code="000000")
    assert wrong.status_code == 422
    assert "wrong, too old or used" in wrong.text
    code = factor[0].at(clock.now // 1000)
    assert browser.post("/login/code?next=/settings/", code=code).location == "/settings/"
    assert browser.get("/settings/account/").status_code == 200
    assert give_password(app).post("/login/code", code=code).status_code == 422


def test_a_recovery_code_lets_in_once(app: Flask, owner: Browser, factor: tuple[TOTP, list[str]]):
    code = factor[1][3]
    assert give_password(app).post("/login/code", code=code.upper()).status_code == 302
    assert give_password(app).post("/login/code", code=code).status_code == 422
    assert "9 of 10 are left" in owner.get(PAGE).text


def test_the_key_and_the_codes_are_shown_once(owner: Browser, factor: tuple[TOTP, list[str]]):
    answer = owner.get(PAGE)
    assert factor[0].secret[:8] not in answer.text.replace(" ", "")
    assert factor[1][0] not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert owner.post(PAGE + "codes", password="wrong").status_code == 422
    renewed = owner.post(PAGE + "codes", password=PASSWORD)
    assert factor[1][0] not in renewed.text
    assert len(re.findall(r"<li><code>", renewed.text)) == 10


def test_it_is_set_up_and_turned_off_only_with_the_password_and_a_code(
    app: Flask, owner: Browser, factor: tuple[TOTP, list[str]], clock: Clock
):
    other = give_password(app)
    other.post("/login/code", code=factor[0].at(clock.now // 1000))
    clock.pass_seconds(30)
    code = factor[0].at(clock.now // 1000)
    assert owner.post(PAGE + "begin", password="wrong").status_code == 422
    assert owner.post(PAGE + "disable", password="wrong", code=code).status_code == 422
    assert owner.post(PAGE + "disable", password=PASSWORD, code="123456").status_code == 422
    assert owner.post(PAGE + "disable", password=PASSWORD, code=code).status_code == 302
    assert owner.get("/settings/account/").status_code == 200
    assert "/login" in other.get("/settings/account/").location
    assert app.test_client().post("/login", data=LOGIN).location.endswith("/")


def test_a_set_up_is_not_finished_with_a_wrong_code(owner: Browser):
    owner.post(PAGE + "begin", password=PASSWORD)
    answer = owner.post(PAGE + "enable", code="000000")
    assert answer.status_code == 422
    assert "check the clock of your phone" in answer.text
    assert "Set up" in owner.get("/settings/account/").text


def test_the_second_step_waits_ten_minutes_and_not_longer(
    app: Flask, factor: tuple[TOTP, list[str]], clock: Clock
):
    browser = give_password(app)
    clock.pass_seconds(601)
    code = factor[0].at(clock.now // 1000)
    assert browser.post("/login/code", code=code).location.endswith("/login")


def test_another_password_ends_a_sign_in_that_is_half_done(
    app: Flask, owner: Browser, factor: tuple[TOTP, list[str]]
):
    browser = give_password(app)
    owner.post("/settings/account/password", current=PASSWORD, new="another long password")
    assert browser.post("/login/code", code=factor[1][0]).location.endswith("/login")


def test_who_guesses_codes_is_held_up_and_the_owner_at_their_device_is_not(
    app: Flask, owner: Browser, factor: tuple[TOTP, list[str]], clock: Clock
):
    thief = app.test_client()
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert thief.post("/login", data=LOGIN, environ_base=elsewhere).status_code == 302
    for _ in range(ACCOUNT_BUDGET.free):
        answer = thief.post("/login/code", data={"code": "000000"}, environ_base=elsewhere)
        assert answer.status_code == 422
    answer = thief.post("/login/code", data={"code": factor[1][1]}, environ_base=elsewhere)
    assert answer.status_code == 429
    owner.post("/logout")
    owner.client.post("/login", data=LOGIN)
    code = factor[0].at(clock.now // 1000)
    assert owner.client.post("/login/code", data={"code": code}).status_code == 302


def test_recovery_codes_work_without_the_secret_key(
    app: Flask, services: Services, factor: tuple[TOTP, list[str]], clock: Clock
):
    services.database.write(lambda s: s.execute(update(SecondFactor).values(secret="of another key")))
    code = factor[0].at(clock.now // 1000)
    assert give_password(app).post("/login/code", code=code).status_code == 422
    assert give_password(app).post("/login/code", code=factor[1][0]).status_code == 302


def test_each_role_has_a_second_factor_of_its_own(sign_in: Callable[[Role], Browser]):
    assert sign_in(Role.VIEWER).post(PAGE + "begin", password=PASSWORD).status_code == 302
