"""`flask connection`: the options of every channel, those of a new one too."""

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app.bot.models import Connection
from app.channels.contract import WebhookChannel
from app.services import services
from tests.brains.scratch import run_with_module
from tests.channels.test_contract import SCRATCH

CLOUD = ("--name", "Shop", "--account", "106540352242922", "--access-token", "t", "--verify-token", "v")


@pytest.fixture
def add(installation: Flask):
    runner = installation.test_cli_runner()

    def run(*words: str) -> Result:
        return runner.invoke(args=["connection", "add", *words])

    return run


def test_the_help_names_every_channel_and_each_of_its_fields(add, installation: Flask):
    shown = " ".join(add("--help").output.split())
    for channel in installation.extensions["services"].channels.values():
        assert channel.kind in shown
        assert all(f"--{name.replace('_', '-')} " in shown for name in channel.Config.model_fields)
        if channel.setup.account_field:
            assert f"--{channel.setup.account_field.label.lower().replace(' ', '-')}" in shown


def test_a_field_is_given_by_its_option_or_by_set(add, installation: Flask):
    added = add(
        *CLOUD, "--set", "app_secret=a=b", "--set", "display_phone=+233 20", "--business-account", "12"
    )
    assert added.exit_code == 0, added.output
    with installation.app_context(), services().database.read() as session:
        config = services().connections.load_config(session.scalars(select(Connection)).one()).model_dump()
    assert config == {
        "access_token": "t",
        "app_secret": "a=b",
        "verify_token": "v",
        "display_phone": "+233 20",
        "business_account": "12",
    }


def test_the_webhook_path_is_that_of_the_channel_and_none_where_nothing_is_posted(add, installation: Flask):
    channel = installation.extensions["services"].channels["cloud"]
    assert isinstance(channel, WebhookChannel)
    assert add(*CLOUD, "--app-secret", "s").output.endswith(f"Webhook path: {channel.path}\n")
    simulated = add("--channel", "simulator", "--name", "Phone")
    assert (simulated.exit_code, "Webhook" in simulated.output) == (0, False)


def test_what_is_wrong_is_named_by_its_field(add):
    answer = add(*CLOUD, "--app-secret", "two words")
    assert answer.exit_code == 1
    assert "app_secret: must be one word" in answer.output
    assert "account: " in add("--name", "Shop").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "colour=red"), "has no field “colour”"),
        (("--set", "red"), "is not NAME=VALUE"),
        (("--channel", "fax"), "There is no channel “fax”"),
    ],
)
def test_what_no_channel_has_is_refused(add, words: tuple[str, ...], said: str):
    answer = add(*CLOUD, *words)
    assert answer.exit_code != 0
    assert said in answer.output


USE_SCRATCH = """
from app import create_app
from app.channels.registry import load_channels
from app.db.schema import Base
from app.settings import Settings

app = create_app(Settings(secret_key="x" * 40, database_url="sqlite:///{folder}/b.db", brainbox_data="{folder}"))
services = app.extensions["services"]
Base.metadata.create_all(services.database.engine)
runner = app.test_cli_runner()
add = ["connection", "add", "--channel", "pager", "--name", "Pagers"]
shown = " ".join(runner.invoke(args=[*add, "--help"]).output.split())
print("--token TEXT Pager: From the pager company." in shown, "--pager-number" in shown)
print(runner.invoke(args=[*add, "--pager-number", "7", "--token", "beep", "--set", "region=south"]).output.strip())
print(runner.invoke(args=["connection", "list"]).output.split())
services.close()
services.database.writer.close()
"""


def test_a_new_channel_brings_its_options_and_its_webhook_path(tmp_path):
    (tmp_path / "channels").mkdir()
    module = tmp_path / "channels" / "pager.py"
    module.write_text(SCRATCH)
    code = USE_SCRATCH.replace("{folder}", str(tmp_path))
    assert run_with_module("app.channels", module, code).splitlines() == [
        "True True",
        "Connection 1 “Pagers” added. Webhook path: /webhooks/pager",
        "['1', 'Pagers', 'pager', '7']",
    ]
