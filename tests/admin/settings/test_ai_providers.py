"""AI providers in the settings: for owners alone, the key never shown, tested over real HTTP."""

from collections.abc import Callable

import pytest

from app.accounts.roles import Role
from app.brains.ai.provider_store import list_providers
from app.services import Services
from app.settings import Settings
from bench.fake_ai import FakeAi, Fault
from tests.admin.browser import Browser


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ai_allow_private": True})


@pytest.fixture
def owner_with_provider(owner: Browser, fake_ai: FakeAi) -> Browser:
    answer = owner.post(
        "/settings/ai/new", name="home", base_url=fake_ai.url + "/", model="fake-small", key=fake_ai.key
    )
    assert answer.location.endswith("/settings/ai/1")
    return owner


def test_the_first_provider_is_a_click_away(owner: Browser):
    page = owner.get("/settings/ai/").text
    assert "No AI provider yet" in page
    assert "/settings/ai/new" in page


def test_a_provider_is_made_and_its_key_is_in_no_page(
    owner_with_provider: Browser, services: Services, fake_ai: FakeAi
):
    for path in ("/settings/ai/", "/settings/ai/1", "/dashboard"):
        assert fake_ai.key not in owner_with_provider.get(path).text
    page = owner_with_provider.get("/settings/ai/1").text
    assert "Stored. Leave empty to keep it." in page
    with services.database.read() as session:
        (row,) = list_providers(session)
    assert (row.base_url, fake_ai.key in row.secrets) == (fake_ai.url, False)


def test_a_test_says_what_answers_and_lists_models(owner_with_provider: Browser, fake_ai: FakeAi):
    answer = owner_with_provider.post("/settings/ai/1/check", htmx=True).text
    assert "home answers: fake-small is ready. It names 2 models." in answer
    assert "<code>fake-large</code>" in answer
    fake_ai.faults += [Fault(500), Fault(500)]
    assert "trouble of its own" in owner_with_provider.post("/settings/ai/1/check").text


def test_an_empty_key_keeps_the_stored_one_unless_the_address_is_another(
    owner_with_provider: Browser, services: Services, fake_ai: FakeAi
):
    def kept() -> bool:
        with services.database.read() as session:
            return bool(list_providers(session)[0].secrets)

    owner_with_provider.post("/settings/ai/1", name="home", base_url=fake_ai.url, model="other", key="")
    assert kept()
    owner_with_provider.post(
        "/settings/ai/1", name="home", base_url="https://elsewhere.example/v1", model="other", key=""
    )
    assert not kept()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "Home!", "small letters"),
        ("base_url", "ftp://x/v1", "Write the address"),
        ("base_url", "https://user:pw@x.example/v1", "Write the address"),
        ("base_url", "https://x.example:99999/v1", "This is no address"),
        ("model", "", "Name the model"),
        ("key", "two words", "one word"),
        ("currency", "euro", "three capital letters"),
        ("prices", "m 1 2\nm2 0,15 1", "Line 2: “0,15” is no price. Write a number"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_lost(owner: Browser, field: str, value: str, words: str):
    form = {"name": "home", "base_url": "https://x.example/v1", "model": "m", "key": "k", field: value}
    answer = owner.post("/settings/ai/new", **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert "No AI provider yet" in owner.get("/settings/ai/").text


def test_prices_are_kept_and_shown_again(owner_with_provider: Browser, services: Services, fake_ai: FakeAi):
    form = {"name": "home", "base_url": fake_ai.url, "model": "fake-small", "key": ""}
    typed = "fake-small   0.15 .6"
    answer = owner_with_provider.post("/settings/ai/1", **form, currency="EUR", prices=typed)
    assert (answer.status_code, typed in answer.text, "Line 1: “.6” is no price" in answer.text) == (
        422,
        True,
        True,
    )
    owner_with_provider.post("/settings/ai/1", **form, currency="EUR", prices="fake-small 0.150001 12\n\n")
    page = owner_with_provider.get("/settings/ai/1").text
    assert "fake-small  0.150001  12.00</textarea>" in page
    assert 'value="EUR"' in page
    assert "fake-small  0.150001" in owner_with_provider.post("/settings/ai/1/check").text
    with services.database.read() as session:
        (row,) = list_providers(session)
    assert (row.currency, row.prices) == ("EUR", {"fake-small": [150_001, 12_000_000]})


def test_two_providers_have_two_names(owner_with_provider: Browser):
    answer = owner_with_provider.post(
        "/settings/ai/new", name="home", base_url="https://x.example/v1", model="m", key=""
    )
    assert "already a provider" in answer.text


def test_a_provider_is_removed_with_its_key(owner_with_provider: Browser):
    owner_with_provider.post("/settings/ai/1/remove")
    assert "No AI provider yet" in owner_with_provider.get("/settings/ai/").text
    assert owner_with_provider.get("/settings/ai/1").status_code == 404


def test_only_owners_set_providers_and_their_keys(
    sign_in: Callable[[Role], Browser], owner_with_provider: Browser
):
    assert owner_with_provider
    editor = sign_in(Role.EDITOR)
    page = editor.get("/settings/ai/").text
    assert "home" in page
    assert "/settings/ai/1" not in page
    for path in ("/settings/ai/new", "/settings/ai/1"):
        assert editor.get(path).status_code == 403
    assert editor.post("/settings/ai/new", name="x").status_code == 403
    assert sign_in(Role.AGENT).get("/settings/ai/").status_code == 403
