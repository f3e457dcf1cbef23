"""A file brought in: everything is shown first, only what is ticked is given, and nothing typed is lost."""

import io
import re
from html import unescape
from typing import Any

import pytest
import yaml
from admin_browser import Browser

from app.brains import exchange, limits, versions
from app.web import House

pytestmark = pytest.mark.usefixtures("brain")

WEB = {"http": {"allow": ["api.example.com", "b.example.com"]}, "ai": {"monthly_tokens": 100_000}}


def draft(house: House, slug: str = "demo") -> dict[str, Any]:
    with house.database.read() as session:
        found = versions.find_brain(session, slug)
        assert found
        return dict(found.draft)


def rev(house: House) -> str:
    with house.database.read() as session:
        found = versions.find_brain(session, "demo")
        assert found
        return str(found.draft_rev)


@pytest.fixture
def text(owner: Browser) -> str:
    """The demo with another echo and without “Thanks”, and with wishes of its own."""
    document = yaml.safe_load(owner.get("/brains/demo/export.yaml").text)
    document["grants"] = WEB
    document["commands"] = [each for each in document["commands"] if each["id"] != "thanks"]
    echo = next(each for each in document["commands"] if each["id"] == "echo")
    echo["action"]["template"] = "You wrote {{ args.text }}"
    return exchange.dump(document)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_everything_is_shown_before_anything_changes(owner: Browser, house: House, text: str):
    before = draft(house)
    answer = owner.post("/brains/import", into="demo", file=(io.BytesIO(text.encode()), "shop.yaml"))
    page = words(answer.text)
    assert "shop.yaml 9 commands, 1 prompt · “Demo”" in page
    assert "Changed Command Echo" in page
    assert "Removed Command Thanks" in page
    assert "Ask the web service api.example.com not allowed now" in page
    assert "checked" not in re.findall(r'<input[^>]*name="permit"[^>]*>', answer.text)[0]
    assert "Nothing to repair" in page
    assert draft(house) == before


def test_only_what_is_ticked_is_given_and_all_comes_back(owner: Browser, house: House, text: str):
    before = draft(house)
    owner.post(
        "/brains/import", into="demo", text=text, rev=rev(house), confirm="yes", permit=["http:b.example.com"]
    )
    after = draft(house)
    assert after["grants"]["http"] == {"allow": ["b.example.com"]}
    assert after["grants"]["ai"] == before["grants"]["ai"]
    assert "thanks" not in {each["id"] for each in after["commands"]}
    page = owner.get("/brains/demo").text
    assert "The file is in the draft." in page
    kept = re.findall(r'<textarea name="value"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    owner.post("/brains/demo/undo", value=unescape(kept[-1]))
    assert draft(house) == before


def test_a_new_brain_gets_no_more_than_every_new_brain_without_ticks(owner: Browser, house: House, text: str):
    page = words(owner.post("/brains/import", text=text).text)
    assert "Ask the AI, up to 100,000 tokens a month not allowed now" in page
    made = owner.post("/brains/import", text=text, confirm="yes")
    assert "grants" not in draft(house, made.location.rsplit("/", 1)[1])


def test_commands_are_added_and_clashes_told(owner: Browser, house: House, text: str):
    before = draft(house)
    look = owner.post("/brains/import", into="demo", choose="add", text=text)
    page = words(look.text)
    assert "There is another “Echo” already: the new one becomes “Echo 2”." in page
    assert "Add 1 command" in page
    owner.post("/brains/import", into="demo", way="add", text=text, rev=rev(house), confirm="yes")
    after = draft(house)
    assert after["commands"][:-1] == before["commands"]
    assert (after["commands"][-1]["name"], after["grants"]) == ("Echo 2", before["grants"])
    assert "1 command is added to the draft." in owner.get("/brains/demo").text


def test_a_draft_saved_meanwhile_is_shown_again_with_the_ticks_kept(owner: Browser, house: House, text: str):
    seen = rev(house)
    owner.post("/brains/demo/commands/menu/act", act="toggle")
    before = draft(house)
    late = owner.post(
        "/brains/import", into="demo", text=text, rev=seen, confirm="yes", permit=["http:b.example.com"]
    )
    assert late.status_code == 409
    assert "saved elsewhere meanwhile" in late.text
    assert re.search(r'value="http:b.example.com" checked', late.text)
    assert f'name="rev" value="{rev(house)}"' in late.text
    assert draft(house) == before


def test_findings_are_named_with_their_places(owner: Browser, text: str):
    document = exchange.load(text)
    source = 'ctx.reply("x", buttons=["a", "b", "c", "d"])'
    document["commands"][1]["action"] = {"kind": "script", "source": source}
    page = words(owner.post("/brains/import", text=exchange.dump(document)).text)
    assert "Echo : Line 1: A message has 4 buttons here. in the script WhatsApp takes 3 buttons." in page
    assert "Worth a look" in page
    assert "The argument “text” is asked for and never used." in page


@pytest.mark.parametrize(
    ("bot", "said"), [("You said hi", "1 of 1 test is green"), ("No", "0 of 1 test is green")]
)
def test_tests_of_the_file_are_run(owner: Browser, bot: str, said: str):
    document = yaml.safe_load(owner.get("/brains/demo/export.yaml").text)
    document["tests"] = [{"name": "echoes", "steps": [{"user": "!echo hi"}, {"bot": bot}]}]
    assert said in words(owner.post("/brains/import", text=exchange.dump(document)).text)


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
    assert said in words(answer.text)
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
    assert said in words(answer.text)


def test_a_file_nearly_as_large_as_allowed_passes_both_steps(owner: Browser, house: House):
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
    text = exchange.dump({"brain": "big", "title": "Big", "commands": commands})
    assert len(text) > 800_000
    assert owner.post("/brains/import", text=text).status_code == 200
    assert owner.post("/brains/import", text=text, confirm="yes").location.endswith("/brains/big")
    assert len(draft(house, "big")["commands"]) == 45


def test_an_unknown_brain_is_not_there(owner: Browser, text: str):
    assert owner.post("/brains/import", into="nobody", text=text).status_code == 404


def test_an_imported_brain_keeps_the_time_zone_of_its_file(owner: Browser, house: House):
    made = owner.post("/brains/import", text="brain: x\ntitle: Mine\n", confirm="yes")
    assert made.location.endswith("/brains/mine")
    assert draft(house, "mine") == {"brain": "mine", "title": "Mine"}


def test_what_the_settings_keep_from_working_is_named_beside_them(owner: Browser):
    assert "What these settings keep from working" not in owner.get("/brains/demo/settings").text
    owner.post("/brains/demo/settings", part="grants", grant_memory="on", memory_entries="50")
    page = words(owner.get("/brains/demo/settings").text)
    assert (
        "What these settings keep from working Ask the AI : A prompt is asked, but this brain may not" in page
    )
