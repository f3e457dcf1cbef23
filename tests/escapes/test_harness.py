"""The harness itself: files it reads, disguises it sees through, and what it says when something gets out."""

import base64
import json
import random
from typing import Any

import pytest

from tests.escapes.__main__ import main
from tests.escapes.corpus import OWN, SHARED, CorpusError, Snippet, read
from tests.escapes.mutate import Mutator
from tests.escapes.oracle import Secret, Verdict, is_foreign, texts
from tests.escapes.target_process import HarnessError, TargetProcess

HARMLESS = {
    "id": "a",
    "language": "python",
    "code": "ctx.reply('hi')",
    "probe": "alive: x",
    "colour": ["unknown"],
}
ESCAPED = {"id": "b", "language": "jinja", "code": "PWNED:BY HAND", "probe": "marker: x"}


@pytest.fixture
def file(tmp_path):
    def write(*lines: Any):
        path = tmp_path / "attacks.jsonl"
        path.write_text(
            "\n".join(
                line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines
            )
        )
        return path

    return write


def test_a_file_may_hold_unknown_fields_empty_lines_and_other_line_separators(file):
    path = file(HARMLESS, "", {**ESCAPED, "code": "a\u2028b"}, "")
    assert [(each.id, each.language, each.probe) for each in read(path)] == [
        ("a", "script", "alive"),
        ("b", "template", "marker"),
    ]


@pytest.mark.parametrize("line", ["{", "[]", {"language": "python"}, {"language": "cobol", "code": "x"}])
def test_a_line_that_is_no_attack_is_named(file, line):
    with pytest.raises(CorpusError, match="line 2"):
        read(file(HARMLESS, line))


def test_our_own_attacks_are_many_and_each_has_a_name():
    own = read(OWN)
    assert len(own) >= 150
    assert len({snippet.id for snippet in own}) == len(own)


def list_disguises(value):
    encoded = base64.b64encode(f"xy{value}z".encode()).decode()
    points = [ord(char) for char in value]
    return [
        value,
        value[::-1],
        value.encode().hex(),
        encoded,
        str(points),
        " ".join(map(str, points)),
        "-".join(value),
    ]


def test_the_search_for_a_secret_sees_through_disguises():
    secret = Secret("0123456789abcdef" * 2)
    assert [text for text in list_disguises(secret.value) if not secret.is_in([f"before {text} after"])] == []
    assert secret.is_in(["0123456789abcdef", "0123456789abcdef"])
    assert secret.is_in(list(texts({"a": [list(secret.value.encode())]})))
    assert not any(secret.is_in([text]) for text in list_disguises("0123456789abcdee" * 2))


@pytest.mark.parametrize(
    ("url", "foreign"),
    [
        ("https://api.allowed.test/x?y=1", False),
        ("https://api.allowed.test:443/", False),
        ("http://api.allowed.test/", True),
        ("https://api.allowed.test:8443/", True),
        ("https://api.allowed.test.evil.test/", True),
        ("https://user@api.allowed.test/", True),
        ("https://api.allowed.test@evil.test/", True),
        ("https://api.allowed.test/\r\nHost: evil.test", True),
        ("https://api.allowed.test./", True),
    ],
)
def test_every_host_but_the_allowed_one_is_reported(url, foreign):
    assert is_foreign(url) is foreign


def test_headers_that_name_or_smuggle_another_host_are_seen():
    assert is_foreign("https://api.allowed.test/", [("Host", "evil.test")])
    assert is_foreign("https://api.allowed.test/", [("X-A", "1\r\nHost: evil.test")])


def test_an_empty_file_lets_nothing_out(file, capsys):
    assert main([str(file(""))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 escaped of 0"


def test_a_file_that_cannot_be_read_proves_nothing(file, tmp_path, capsys):
    assert main([str(file("{"))]) == 2
    assert main([str(tmp_path / "nowhere.jsonl")]) == 2
    assert "escaped of" not in capsys.readouterr().out


def test_an_escape_is_named_counted_once_and_fails_the_command(file, capsys):
    assert main([str(file(HARMLESS, ESCAPED))]) == 1
    said = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("  b: marker") for line in said) == 3
    assert said[-1] == "1 escaped of 2"


def test_a_single_mode_can_be_asked_for(file, capsys):
    assert main([str(file(HARMLESS)), "--mode", "strict"]) == 0
    assert [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()] == ["strict", "0"]


def test_a_host_that_is_killed_and_one_that_errs_are_told_apart(tmp_path):
    tmp_path.chmod(0o755)
    entry = tmp_path / "entry.py"
    entry.write_text("import os\nprint('{\"begin\": 1}', flush=True)\nos.kill(os.getpid(), 9)")
    assert list(TargetProcess(entry, {}).listen()) == [{"begin": 1}]
    entry.write_text("raise ValueError('our own mistake')")
    with pytest.raises(HarnessError, match="our own mistake"):
        list(TargetProcess(entry, {}).listen())


def test_slow_answers_alone_are_only_a_suspicion():
    assert Verdict("a", ("slow: x", "logged: y"), "done").only_slow
    assert not Verdict("a", ("slow: x", "canary: y"), "done").only_slow
    assert not Verdict("a", (), "done").only_slow


def test_the_fuzzer_draws_the_same_attacks_from_the_same_seed():
    seeds = [snippet for path in (SHARED, OWN) if path.exists() for snippet in read(path)]
    assert all(isinstance(snippet, Snippet) for snippet in seeds)

    def drawn(seed):
        mutator = Mutator(seeds, seed)
        return [mutator.draw(number).code for number in range(40)]

    random.seed()
    assert drawn("1") == drawn("1")
    assert drawn("1") != drawn("2")
