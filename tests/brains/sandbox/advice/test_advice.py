"""The words for errors: plain, with a remedy, the same as in the documentation, whatever a child reports."""

import json
import re

import pytest

from app.brains.sandbox.advice import patterns
from app.brains.sandbox.advice.advice import advise
from tests.brains.sandbox.advice import error_table

# Words that say nothing to somebody who has not studied programming.
FOREIGN = re.compile(
    r"\b(object|attribute|iterable|subscript\w*|callable|operand|NoneType|traceback|exception|int|bool|instance|"
    r"positional|keyword|argument|unhashable|RestrictedPython|stack|token|parse\w*|syntax)\b"
)


def test_the_page_of_errors_is_what_the_product_says():
    assert error_table.PAGE.read_text() == error_table.render_page()


@pytest.mark.parametrize("row", error_table.list_rows(), ids=lambda row: row[1][:40])
def test_every_error_is_told_in_plain_words(row):
    _, _, message, fix = row
    assert message[-1] in ".?!…"
    assert fix[-1] in ".?!…)"
    assert not FOREIGN.search(message), message
    assert "0x" not in message
    assert len(message) < 200
    assert len(fix) < 200


def test_a_typo_is_answered_with_the_name_that_was_meant():
    report = error_table.build_report("script", 'ctx.repyl("hello")')
    assert advise(report, "", "script")[1] == "Did you mean “reply”?"


@pytest.mark.parametrize("name", list(patterns.UNAVAILABLE_NAMES))
def test_a_name_of_python_that_is_not_here_is_answered_with_what_to_use(name):
    source = (
        f"import datetime\ndatetime.{name}"
        if name in {"encode", "decode", "now", "send", "append"}
        else f"{name}(1)"
    )
    assert (
        advise(error_table.build_report("script", source), "", "script")[1]
        == patterns.UNAVAILABLE_NAMES[name]
    )


@pytest.mark.parametrize("language", ["script", "template"])
@pytest.mark.parametrize(
    "report",
    [
        {},
        {"kind": "error"},
        {"kind": 5, "type": [], "msg": {}},
        {"kind": "nonsense", "type": "Nonsense", "msg": "{0} {msg} {1!r:>99999}"},
        {"kind": "error", "type": "TypeError", "msg": "'{}' object is not callable"},
        {"kind": "error", "type": "TypeError", "msg": "'x{0.__class__}' object is not iterable"},
        {
            "kind": "error",
            "type": "NameError",
            "msg": "x",
            "name": "a" * 10**6,
            "known": ["a" * 10**6] * 1000,
        },
        {"kind": "error", "type": "NameError", "msg": "x", "name": "abc", "known": [1, None, ["x"], "abd"]},
        {"kind": "error", "type": "KeyError", "msg": "x", "name": "abc", "known": "abd"},
        {"kind": "limit", "code": 7, "msg": "x" * 10**6},
        {"kind": "rule", "code": [], "msg": ""},
        {"kind": "syntax", "msg": "\n" * 10**5},
        {"kind": "call", "msg": None},
        {"kind": "error", "type": "ValueError", "msg": "; ; ;"},
    ],
    ids=lambda report: json.dumps(report)[:40],
)
def test_a_hostile_report_gives_words_all_the_same(report, language):
    message, fix = advise(report, "x = 1", language)
    assert 0 < len(message) < 500
    assert 0 < len(fix) < 500
