"""`flask brain import`: what a file changes and asks for is told, and given only when asked for."""

from pathlib import Path
from typing import Any

import pytest
import yaml

BRAIN: dict[str, Any] = {
    "brain": "weather",
    "title": "Weather",
    "grants": {"http": {"allow": ["api.example.com"]}, "ai": {}},
    "commands": [
        {
            "id": "w",
            "name": "Weather",
            "trigger": {"kind": "command", "words": ["weather"]},
            "action": {
                "kind": "script",
                "source": 'ctx.reply(ctx.http.get("https://api.example.com/").text)',
            },
        }
    ],
}


@pytest.fixture
def write_file(tmp_path: Path) -> Any:
    def write(**changes: Any) -> str:
        path = tmp_path / "brain.yaml"
        path.write_text(yaml.safe_dump({**BRAIN, **changes}))
        return str(path)

    return write


def export_brain(run: Any, slug: str = "weather") -> dict[str, Any]:
    return yaml.safe_load(run("export", slug).output)


def test_a_dry_run_tells_everything_and_changes_nothing(run: Any, write_file: Any):
    answer = run("import", write_file(), "--dry-run")
    assert answer.exit_code == 0
    assert "This is what the file would do to a new brain “weather”" in answer.output
    assert "added commands w “Weather”" in answer.output
    assert "not given: External requests to api.example.com (not allowed now)." in answer.output
    assert "Give it with --grant http:api.example.com" in answer.output
    assert "to repair before publishing: commands.0.action.source" in answer.output
    assert run("list").output == ""


def test_what_is_not_granted_is_not_given_and_keeps_a_brain_from_going_live(run: Any, write_file: Any):
    refused = run("import", write_file(), "--publish")
    assert refused.exit_code == 1
    assert "nothing was changed" in refused.output
    assert run("list").output == ""
    assert run("import", write_file()).exit_code == 0
    assert "grants" not in export_brain(run)


def test_permissions_are_given_by_name_or_all_at_once(run: Any, write_file: Any):
    some = run("import", write_file(), "--grant", "http:api.example.com", "--publish")
    assert "version 1 is live" in some.output
    assert "given: External requests to api.example.com" in some.output
    assert export_brain(run)["grants"] == {"http": {"allow": ["api.example.com"]}}
    assert "not given: Ask the AI" in run("import", write_file()).output
    assert "given: Ask the AI" in run("import", write_file(), "--all-grants").output
    assert export_brain(run)["grants"] == BRAIN["grants"]
    # What a brain has it keeps: the same file from Git needs no flags any more.
    assert "given" not in run("import", write_file()).output
    unknown = run("import", write_file(), "--grant", "http:evil.example.com")
    assert unknown.exit_code == 1
    assert "does not ask for http:evil.example.com" in unknown.output


def test_a_dry_run_shows_word_by_word_what_would_change(run: Any, write_file: Any):
    run("import", write_file(), "--all-grants")
    command = {**BRAIN["commands"][0], "name": "Forecast"}
    answer = run("import", write_file(commands=[command]), "--dry-run")
    assert "changed commands w “Forecast”" in answer.output
    assert "name: [-Weather-]{+Forecast+}" in answer.output
    assert "Nothing differs." in run("import", write_file(), "--dry-run").output
    assert export_brain(run)["commands"][0]["name"] == "Weather"


def test_commands_are_added_to_another_brain(run: Any, write_file: Any):
    run("import", write_file(), "--all-grants")
    command = {**BRAIN["commands"][0], "trigger": {"kind": "command", "words": ["rain"]}}
    answer = run("import", write_file(commands=[command], brain="other"), "--add", "--into", "weather")
    assert "Brain “weather” imported as draft." in answer.output
    assert "note: There is another “Weather” already: the new one becomes “Weather 2”." in answer.output
    assert [each["name"] for each in export_brain(run)["commands"]] == ["Weather", "Weather 2"]


@pytest.mark.parametrize("name", ["", "../up", "Big Name", "x" * 61])
def test_a_brain_needs_a_short_name(run: Any, write_file: Any, name: str):
    answer = run("import", write_file(brain=name))
    assert answer.exit_code == 1
    assert "Say which brain" in answer.output


def test_a_file_that_cannot_be_read_is_told_with_its_place(run: Any, tmp_path: Path):
    path = tmp_path / "bad.yaml"
    path.write_text("brain: x\ntitle: *y\n")
    answer = run("import", str(path))
    assert answer.exit_code == 1
    assert "Line 2, column 8: References" in answer.output


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252"])
@pytest.mark.parametrize("command", ["import", "lint"])
def test_a_file_of_another_encoding_is_refused_in_words(
    run: Any, tmp_path: Path, encoding: str, command: str
):
    path = tmp_path / "brain.yaml"
    path.write_bytes("brain: cafe\ntitle: Café\ncommands: []\n".encode(encoding))
    refused = run(command, str(path))
    assert refused.exit_code == 1
    assert "This is no text in UTF-8" in refused.output or "no YAML" in refused.output
    assert "Traceback" not in refused.output


def test_a_file_with_the_mark_of_utf_8_is_read(run: Any, write_file: Any):
    path = Path(write_file())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run("import", str(path), "--all-grants").exit_code == 0
