"""The pure parts of the try panel: the marked excerpt, the budget card, effects in words, settings read back."""

from werkzeug.datastructures import MultiDict

from app.admin.workbench import settings_form


def test_grants_are_read_and_fields_the_form_does_not_know_stay():
    form = MultiDict(
        {"part": "grants", "grant_memory": "on", "memory_entries": "80", "grant_http": "on", "strict": "on",
         "http_allow": "API.example.com\n\n other.example.org "}
    )  # fmt: skip
    draft = settings_form.build_edit(form)(
        {"title": "T", "settings": {"language": "en"}, "grants": {"memory": {"new": 1}, "media": {}}}
    )
    assert draft["settings"] == {"language": "en", "strict": True}
    assert draft["grants"] == {
        "memory": {"new": 1, "max_entries": 80},
        "http": {"allow": ["api.example.com", "other.example.org"]},
        "ai": None,
        "media": None,
        "schedule": None,
    }
    shown = settings_form.get_grants(draft)
    assert (shown["memory"]["given"], shown["media"]["given"], shown["ai"]["monthly_tokens"]) == (
        True,
        False,
        1_000_000,
    )


def test_what_is_not_written_is_shown_as_given_or_not_as_a_brain_has_it():
    shown = settings_form.get_grants({})
    assert [name for name, each in shown.items() if each["given"]] == ["memory", "media", "schedule"]


def test_the_question_back_keeps_what_the_form_does_not_show():
    kept = {"titles": {"order": "My order"}, "languages": {"es": {"none": "Otra cosa"}}}
    given = {
        "did_you_mean": "1",
        "ask_question": "Which one?",
        "ask_none": "",
        "ask_refused": "",
        "ask_late": "Late",
    }
    edit = settings_form.build_edit(MultiDict({"part": "general", **given}))
    draft = edit({"title": "T", "settings": {"did_you_mean": {**kept, "none": "No"}}})
    assert draft["settings"]["did_you_mean"] == {**kept, "question": "Which one?", "late": "Late"}
    shown = settings_form.get_question(draft)
    assert (shown["given"], shown["question"], shown["none"]) == (True, "Which one?", "None of these")
    assert shown["languages"] == ["es"]
    off = settings_form.build_edit(MultiDict({"part": "general"}))(draft)
    assert off["settings"]["did_you_mean"] is None
