"""`flask account`: back in from the machine, without anybody's help."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app.accounts import second_factor
from app.accounts.roles import Role
from app.accounts.users import Passwords, create_user
from app.services import Services

PASSWORD = "a long enough password"


@pytest.fixture
def runner(installation: Flask) -> FlaskCliRunner:
    services: Services = installation.extensions["services"]
    installation.config["WTF_CSRF_ENABLED"] = False
    services.database.write(
        lambda s: create_user(
            s, Passwords(), email="ada@example.com", password=PASSWORD, now=1, role=Role.OWNER
        )
    )
    return installation.test_cli_runner()


def test_a_password_is_reset_by_a_link_that_is_printed(installation: Flask, runner: FlaskCliRunner):
    output = runner.invoke(args=["account", "reset-password", "Ada@example.com"]).output
    link = re.search(r"http://localhost:\d+(/reset/\S+)", output)
    assert link, output
    client = installation.test_client()
    assert client.post(link[1], data={"password": "another long password"}).status_code == 302
    form = {"email": "ada@example.com", "password": "another long password"}
    assert client.post("/login", data=form).status_code == 302


def test_a_person_is_invited_by_a_link_that_is_printed(installation: Flask, runner: FlaskCliRunner):
    output = runner.invoke(args=["account", "invite", "ben@example.com", "--role", "viewer"]).output
    link = re.search(r"http://localhost:\d+(/invitation/\S+)", output)
    assert link, output
    assert installation.test_client().post(link[1], data={"password": PASSWORD}).status_code == 302
    assert "viewer   ben@example.com" in runner.invoke(args=["account", "list"]).output


def test_a_second_link_says_that_the_earlier_one_no_longer_works(runner: FlaskCliRunner):
    for words in (["invite", "ben@example.com"], ["reset-password", "ada@example.com"]):
        said = [runner.invoke(args=["account", *words]).output for _ in range(2)]
        assert ["no longer works" in each for each in said] == [False, True]


def test_a_second_factor_is_forgotten(installation: Flask, runner: FlaskCliRunner):
    services: Services = installation.extensions["services"]
    assert runner.invoke(args=["account", "reset-factor", "ada@example.com"]).exit_code == 1
    services.database.write(lambda s: second_factor.begin_setup(s, 1, "sealed"))
    services.database.write(lambda s: second_factor.enable(s, 1, 1, [], (0, 5)))
    assert "second factor" in runner.invoke(args=["account", "list"]).output
    assert runner.invoke(args=["account", "reset-factor", "ada@example.com"]).exit_code == 0
    assert "second factor" not in runner.invoke(args=["account", "list"]).output


def test_the_doctor_tells_of_a_second_factor_that_does_not_open(installation: Flask, runner: FlaskCliRunner):
    services: Services = installation.extensions["services"]
    assert "second factor" not in runner.invoke(args=["doctor"]).output
    services.database.write(lambda s: second_factor.begin_setup(s, 1, "sealed with another key"))
    services.database.write(lambda s: second_factor.enable(s, 1, 1, [], (0, 5)))
    output = runner.invoke(args=["doctor"]).output
    assert "ada@example.com: the second factor does not open" in output
    assert "account reset-factor" in output


@pytest.mark.parametrize("command", ["reset-password", "reset-factor"])
def test_a_person_who_is_not_there_is_told_so(runner: FlaskCliRunner, command: str):
    result = runner.invoke(args=["account", command, "nobody@example.com"])
    assert result.exit_code == 1
    assert "There is no such person." in result.output
