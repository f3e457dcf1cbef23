"""A file brought in: everything is shown first, only what is ticked is given, and nothing typed is lost."""

import io
import re
from html import unescape
from typing import Any

import pytest
import yaml

from app.brains import limits
from app.brains.document import yaml_format
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

pytestmark = pytest.mark.usefixtures("demo_brain")

WEB = {"http": {"allow": ["api.example.com", "b.example.com"]}, "ai": {"monthly_tokens": 100_000}}


def get_draft(services: Services, slug: str = "demo") -> dict[str, Any]:
    with services.database.read() as session:
        found = store.find_brain(session, slug)
        assert found
        return dict(found.draft)


def get_rev(services: Services) -> str:
    with services.database.read() as session:
        found = store.find_brain(session, "demo")
        assert found
        return str(found.draft_rev)


@pytest.fixture
def changed_yaml(owner: Browser) -> str:
    """The demo with another echo and without “Thanks”, and with permission requests of its own."""
    document = yaml.safe_load(owner.get("/brains/demo/export.yaml").text)
    document["grants"] = WEB
    document["commands"] = [each for each in document["commands"] if each["id"] != "thanks"]
    echo = next(each for each in document["commands"] if each["id"] == "echo")
    echo["action"]["template"] = "You wrote {{ args.text }}"
    return yaml_format.dump_yaml(document)


def extract_text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_everything_is_shown_before_anything_changes(owner: Browser, services: Services, changed_yaml: str):
    before = get_draft(services)
    answer = owner.post("/brains/import", into="demo", file=(io.BytesIO(changed_yaml.encode()), "shop.yaml"))
    page = extract_text(answer.text)
    assert "shop.yaml 9 commands, 1 prompt · “Demo”" in page
    assert "Changed Command Echo" in page
    assert "Removed Command Thanks" in page
    assert "External requests to api.example.com not allowed now" in page
    assert "checked" not in re.findall(r'<input[^>]*name="permit"[^>]*>', answer.text)[0]
    assert "No problems" in page
    assert get_draft(services) == before


def test_only_what_is_ticked_is_given_and_all_comes_back(
    owner: Browser, services: Services, changed_yaml: str
):
    before = get_draft(services)
    owner.post(
        "/brains/import",
        into="demo",
        text=changed_yaml,
        rev=get_rev(services),
        confirm="yes",
        permit=["http:b.example.com"],
    )
    after = get_draft(services)
    assert after["grants"]["http"] == {"allow": ["b.example.com"]}
    assert after["grants"]["ai"] == before["grants"]["ai"]
    assert "thanks" not in {each["id"] for each in after["commands"]}
    page = owner.get("/brains/demo").text
    assert "The file is in the draft." in page
    kept = re.findall(r'<textarea name="value"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    owner.post("/brains/demo/undo", value=unescape(kept[-1]))
    assert get_draft(services) == before


def test_a_new_brain_gets_no_more_than_every_new_brain_without_ticks(
    owner: Browser, services: Services, changed_yaml: str
):
    page = extract_text(owner.post("/brains/import", text=changed_yaml).text)
    assert "Ask the AI, up to 100,000 tokens a month not allowed now" in page
    made = owner.post("/brains/import", text=changed_yaml, confirm="yes")
    assert "grants" not in get_draft(services, made.location.rsplit("/", 1)[1])


def test_commands_are_added_and_clashes_told(owner: Browser, services: Services, changed_yaml: str):
    before = get_draft(services)
    look = owner.post("/brains/import", into="demo", choose="add", text=changed_yaml)
    page = extract_text(look.text)
    assert "There is another “Echo” already: the new one becomes “Echo 2”." in page
    assert "Add 1 command" in page
    owner.post(
        "/brains/import", into="demo", way="add", text=changed_yaml, rev=get_rev(services), confirm="yes"
    )
    after = get_draft(services)
    assert after["commands"][:-1] == before["commands"]
    assert (after["commands"][-1]["name"], after["grants"]) == ("Echo 2", before["grants"])
    assert "1 command is added to the draft." in owner.get("/brains/demo").text


def test_a_draft_saved_meanwhile_is_shown_again_with_the_ticks_kept(
    owner: Browser, services: Services, changed_yaml: str
):
    seen = get_rev(services)
    owner.post("/brains/demo/commands/menu/act", act="toggle")
    before = get_draft(services)
    late = owner.post(
        "/brains/import",
        into="demo",
        text=changed_yaml,
        rev=seen,
        confirm="yes",
        permit=["http:b.example.com"],
    )
    assert late.status_code == 409
    assert "saved in another tab or by somebody else" in late.text
    assert re.search(r'value="http:b.example.com" checked', late.text)
    assert f'name="rev" value="{get_rev(services)}"' in late.text
    assert get_draft(services) == before


def test_findings_are_named_with_their_places(owner: Browser, changed_yaml: str):
    document = yaml_format.load_yaml(changed_yaml)
    source = 'ctx.reply("x", buttons=["a", "b", "c", "d"])'
    document["commands"][1]["action"] = {"kind": "script", "source": source}
    page = extract_text(owner.post("/brains/import", text=yaml_format.dump_yaml(document)).text)
    assert "Echo : Line 1: A message has 4 buttons here. in the script WhatsApp takes 3 buttons." in page
    assert "Warnings" in page
    assert "The argument “text” is asked for and never used." in page


@pytest.mark.parametrize(
    ("bot", "said"), [("You said hi", "1 of 1 test passed"), ("No", "0 of 1 test passed")]
)
def test_tests_of_the_file_are_run(owner: Browser, bot: str, said: str):
    document = yaml.safe_load(owner.get("/brains/demo/export.yaml").text)
    document["tests"] = [{"name": "echoes", "steps": [{"user": "!echo hi"}, {"bot": bot}]}]
    assert said in extract_text(owner.post("/brains/import", text=yaml_format.dump_yaml(document)).text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: *b", "Line 1, column 4"),
        ("brain: x\ntitle: X\ncommands: [1]\n", "must be a list of groups of fields"),
        ("", "begin with “brain:” and “title:”"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"confirm": "yes"}, {"into": "demo", "way": "add"}])
def test_a_refused_file_is_kept_with_where_it_was_going(
    owner: Browser, text: str, said: str, more: dict[str, str]
):
    answer = owner.post("/brains/import", text=text, **more)
    assert answer.status_code == 422
    assert said in extract_text(answer.text)
    assert f"{text}</textarea>" in answer.text.replace("&#34;", '"')
    assert ('value="demo" selected' in answer.text) == ("into" in more)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "no text in UTF-8"),
        (b"x" * (limits.IMPORT_BYTES + 1), "too large"),
        (b"\xc3" * 10, "UTF-8"),
    ],
)
def test_a_file_that_is_no_text_or_too_large_is_refused(owner: Browser, data: bytes, said: str):
    answer = owner.post("/brains/import", file=(io.BytesIO(data), "x.yaml"))
    # The test client keeps a large body in a file, and leaves it open.
    answer.request.environ["wsgi.input"].close()
    assert answer.status_code == 422
    assert said in extract_text(answer.text)


def test_a_file_nearly_as_large_as_allowed_passes_both_steps(owner: Browser, services: Services):
    long = "x" * 18_000
    commands = [
        {
            "id": f"c{n}",
            "name": f"C {n}",
            "trigger": {"kind": "exact", "texts": [f"c{n}"]},
            "action": {"kind": "reply", "template": long},
        }
        for n in range(45)
    ]
    text = yaml_format.dump_yaml({"brain": "big", "title": "Big", "commands": commands})
    assert len(text) > 800_000
    assert owner.post("/brains/import", text=text).status_code == 200
    assert owner.post("/brains/import", text=text, confirm="yes").location.endswith("/brains/big")
    assert len(get_draft(services, "big")["commands"]) == 45


def test_an_unknown_brain_is_not_there(owner: Browser, changed_yaml: str):
    assert owner.post("/brains/import", into="nobody", text=changed_yaml).status_code == 404


def test_an_imported_brain_keeps_the_time_zone_of_its_file(owner: Browser, services: Services):
    made = owner.post("/brains/import", text="brain: x\ntitle: Mine\n", confirm="yes")
    assert made.location.endswith("/brains/mine")
    assert get_draft(services, "mine") == {"brain": "mine", "title": "Mine"}


def test_what_the_settings_keep_from_working_is_named_beside_them(owner: Browser):
    assert "Problems with these settings" not in owner.get("/brains/demo/settings").text
    owner.post("/brains/demo/settings", part="grants", grant_memory="on", memory_entries="50")
    page = extract_text(owner.get("/brains/demo/settings").text)
    assert "Problems with these settings Ask the AI : A prompt is asked, but this brain may not" in page
