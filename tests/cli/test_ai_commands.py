"""`flask ai`: providers without the browser."""

import pytest
from flask import Flask

from bench.fake_ai import running


@pytest.fixture
def run(installation: Flask):
    runner = installation.test_cli_runner()
    return lambda *words, **more: runner.invoke(args=["ai", *words], **more)


def test_a_provider_is_added_listed_and_removed(run):
    address = "https://models.example/v1"
    added = run("add", "home", "--base-url", address, "--model", "m1", "--key-stdin", input="sk-secret\n")
    assert (added.exit_code, "sk-secret" in added.output) == (0, False)
    assert address in run("list").output
    again = run("add", "home", "--base-url", address, "--model", "m1")
    assert (again.exit_code, "already a provider" in again.output) == (1, True)
    assert run("remove", "home").exit_code == 0
    assert run("list").output == ""
    assert "There is no AI provider" in run("test", "home").output


def test_a_private_address_is_refused_when_it_is_tested(run):
    with running() as fake:
        address = fake.url.replace("http://", "https://")
        run("add", "inner", "--base-url", address, "--model", "m")
        answer = run("test", "inner")
    assert answer.exit_code == 1
    assert "not public" in answer.output


def test_plain_http_needs_the_setting(run):
    answer = run("add", "inner", "--base-url", "http://models.example/v1", "--model", "m")
    assert answer.exit_code == 1
    assert "AI_ALLOW_PRIVATE" in answer.output
