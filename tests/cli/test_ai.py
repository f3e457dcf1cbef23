"""`flask ai`: providers without the browser."""

import pytest
from flask import Flask

from app.brains.ai.provider_store import list_providers
from app.services import services
from bench.fake_ai import running
from tests.brains.ai.providers.test_contract import SCRATCH
from tests.brains.scratch import run_with_module


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


def test_prices_are_kept_and_wrong_ones_are_named(run, installation: Flask):
    new = ("add", "home", "--base-url", "https://models.example/v1", "--model", "m1", "--currency", "EUR")
    wrong = run(*new, "--price", "m1 0.15 0.60", "--price", "m2 cheap")
    assert (wrong.exit_code, "Line 2" in wrong.output) == (1, True)
    assert run(*new, "--price", "m1 0.15 0.60", "--price", "m2 1 2").exit_code == 0
    with installation.app_context(), services().database.read() as session:
        (kept,) = list_providers(session)
        assert (kept.currency, kept.prices) == (
            "EUR",
            {"m1": [150_000, 600_000], "m2": [1_000_000, 2_000_000]},
        )


SCRATCH_USE = """
from app import create_app
from app.db.schema import Base
from app.settings import Settings

app = create_app(Settings(secret_key="x" * 40, database_url="sqlite:///{folder}/b.db", brainbox_data="{folder}"))
services = app.extensions["services"]
Base.metadata.create_all(services.database.engine)
runner = app.test_cli_runner()
add = ["ai", "add", "mine", "--kind", "echo", "--base-url", "https://ai.example.com/v1", "--model", "m"]
print([runner.invoke(args=[*add, "--set", f"chars={n}"]).output.strip() for n in (0, 4)])
print(runner.invoke(args=["ai", "test", "mine"]).exit_code)
with services.database.read() as session:
    from app.brains.ai.provider_store import list_providers
    print([(row.kind, row.options) for row in list_providers(session)])
services.close()
services.database.writer.close()
"""


def test_a_provider_of_a_new_kind_is_added_with_its_own_settings(tmp_path):
    (tmp_path / "providers").mkdir()
    module = tmp_path / "providers" / "echo.py"
    module.write_text(SCRATCH)
    code = SCRATCH_USE.replace("{folder}", str(tmp_path))
    assert run_with_module("app.brains.ai.providers", module, code).splitlines() == [
        (
            "['Error: Some fields need another look:\\n  chars: Input should be greater than or equal to 1.', "
            "'AI provider “mine” added. Test it: flask --app wsgi ai test mine']"
        ),
        "0",
        "[('echo', {'chars': 4})]",
    ]


@pytest.mark.parametrize(("words", "said"), [(("--kind", "oracle"), "oracle"), (("--set", "x=1"), "x: ")])
def test_what_no_kind_has_is_refused(run, words: tuple[str, ...], said: str):
    answer = run("add", "home", "--base-url", "https://models.example/v1", "--model", "m", *words)
    assert answer.exit_code != 0
    assert said in answer.output
