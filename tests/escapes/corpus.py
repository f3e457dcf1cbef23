"""Reads attacks: one JSON object a line, as ../shared/escapes describes the format."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "escapes" / "corpus.jsonl"
OWN = Path(__file__).with_name("own.jsonl")

SCRIPT, TEMPLATE = "script", "template"
_LANGUAGES = {
    "python": SCRIPT,
    "py": SCRIPT,
    "jinja": TEMPLATE,
    "tpl": TEMPLATE,
    SCRIPT: SCRIPT,
    TEMPLATE: TEMPLATE,
}
ANY = "any"


class CorpusError(Exception):
    """A line that is no attack; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One attack; `probe` is the kind of harm it is after, `bare` the harm it did without any guard."""

    id: str
    language: str
    code: str
    probe: str = ANY
    category: str = ""
    then: str = ""
    name: str = ""
    bare: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any], number: int = 0) -> "Snippet":
        """Read one object; fields that are not known are left out. Raises CorpusError."""
        language, code = _LANGUAGES.get(str(fields.get("language"))), fields.get("code")
        if language is None or not isinstance(code, str):
            raise CorpusError(
                f'line {number}: an attack needs a "language" (python or jinja) and a text as "code"'
            )
        text = {name: str(fields.get(name) or "") for name in ("category", "then", "name", "bare")}
        probe = str(fields.get("probe") or ANY).partition(":")[0].strip()
        return cls(str(fields.get("id") or f"line-{number}"), language, code, probe, **text)


def read(path: Path) -> list[Snippet]:
    """Read all attacks of a file, none of an empty one. Raises CorpusError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
    # Only a line feed ends a line: JSON texts may hold the other separators that splitlines() knows.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [Snippet.of(_object(line, number), number) for number, line in lines]


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise CorpusError(f"line {number} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorpusError(f"line {number} is no JSON object")
    return value
