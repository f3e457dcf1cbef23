"""Test form to document data and back: step kinds, limits (pure functions)."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.admin.workbench.command_form import Form
from app.brains import limits
from app.brains.document import yaml_format
from app.brains.document.yaml_format import InvalidImport
from app.text import parse_int64

Row = dict[str, Any]

# What a step can be: the value in the form, and what the menu says.
KINDS: Final = (
    ("Contact", (
        ("user.text", "writes"),
        ("user.button", "presses a button"),
        ("user.list", "chooses from a list"),
        ("user.image", "sends a picture"),
        ("user.voice", "sends a voice note"),
        ("user.location", "sends a location"),
        ("user.document", "sends a document"),
        ("user.contact", "sends a contact card"),
        ("user.order", "sends an order"),
        ("user.form", "sends a form (fields as YAML)"),
        ("user.quote", "quotes the last reply"),
        ("user.burst", "writes quickly, a line each"),
    )),
    ("Bot", (
        ("bot.exact", "reply is exactly"),
        ("bot.contains", "reply contains"),
        ("bot.regex", "reply matches regex"),
        ("bot.any", "any reply"),
        ("bot.silent", "no reply"),
    )),
    ("Time", (("time.wait", "passes"),)),
)  # fmt: skip
COLUMNS: Final[tuple[str, ...]] = ("kind", "text", "as", "choices", "seed")
LIMITS: Final = {"steps": limits.TEST_STEPS, "tests": limits.TESTS, "text": limits.REPLY_CHARS}
# Between the titles of buttons in their field: no title holds it in practice, a comma many do.
CHOICE_SEPARATOR: Final = "|"
_DEFAULT_START: Final = {"name": "Ada"}
_INPUT_IDS: Final = {
    ("name",): "test-name",
    ("start", "name"): "test-who",
    ("start", "phone"): "test-phone",
    ("start", "time"): "test-time",
    ("start", "memory"): "test-memory",
    ("stubs",): "test-stubs",
}
BLANK_ROW: Final[Row] = {"kind": "user.text", "text": "", "as": "", "choices": "", "seed": ""}


def build_blank(name: str) -> dict[str, Any]:
    """Return a new test to fill in."""
    return {"name": name, "steps": [{"user": ""}, {"bot": ""}]}


def generate_name(tests: Sequence[Any]) -> str:
    """Return a name that no test has yet."""
    taken = {str(test.get("name")) for test in tests if isinstance(test, Mapping)}
    return next(name for n in range(1, len(tests) + 2) if (name := f"Test {n}") not in taken)


def list_tests(draft: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tests of a draft, whatever else is wrong with them."""
    given = draft.get("tests")
    return [dict(test) for test in given if isinstance(test, Mapping)] if isinstance(given, list) else []


def to_form(case: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a test, right or wrong."""
    start = case.get("start")
    begin: Mapping[str, Any] = start if isinstance(start, Mapping) else {}
    steps = case.get("steps")
    return {
        "name": str(case.get("name") or ""),
        "who": str(begin.get("name") or _DEFAULT_START["name"]),
        "phone": str(begin.get("phone") or ""),
        "time": str(begin.get("time") or ""),
        "group": bool(begin.get("group")),
        "seed": str(begin.get("seed") or ""),
        "memory": _dump_yaml(begin.get("memory")),
        "stubs": _dump_yaml(case.get("stubs")),
        "rows": [_build_row(step) for step in steps if isinstance(step, Mapping)]
        if isinstance(steps, list)
        else [],
    }


def read(form: Form) -> dict[str, Any]:
    """Read the form as a test; what cannot be read stays as it was typed: validation names it."""
    case: dict[str, Any] = {"name": form.get("name", "").strip()}
    start = {
        "memory": _parse_yaml(form.get("memory", "")),
        "time": form.get("time", "").strip(),
        "name": form.get("who", "").strip(),
        "phone": form.get("phone", "").strip().removeprefix("+"),
        "group": "group" in form,
        "seed": _parse_number(form.get("seed", "")),
    }
    kept = {name: value for name, value in start.items() if value and _DEFAULT_START.get(name) != value}
    if kept:
        case["start"] = kept
    stubs = _parse_yaml(form.get("stubs", ""))
    if stubs:
        case["stubs"] = stubs
    columns = [form.getlist(f"step_{name}") for name in COLUMNS]
    rows: list[dict[str, str]] = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=False)]
    # A row with nothing in it is a step that is not finished: validation names it, only a person removes it.
    case["steps"] = [_build_step(row) for row in rows]
    return case


def describe_location(steps: Sequence[str]) -> str:
    """Name where in the tests a problem sits; `steps` is its path, taken apart."""
    numbers = [int(step) + 1 if step.isdecimal() else 0 for step in (*steps, "", "", "", "")]
    inner = {"steps": "step", "stubs": "answer"}.get(steps[2] if len(steps) > 2 else "")
    more = f", {inner} {numbers[3]}" if inner and numbers[3] else ""
    return f"in test {numbers[1]}{more}" if numbers[1] else "in the tests"


def get_input_id(path: str) -> str:
    """Return the id of the form field that a problem of a test is about; empty for none."""
    field = path.split(".")[2:]
    if field[:1] == ["steps"] and len(field) > 1 and field[1].isdecimal():
        column = next((each for each in ("choices", "as") if each in field[2:]), "text")
        return f"step-{int(field[1]) + 1}-{column}"
    return _INPUT_IDS.get(tuple(field[:2])) or _INPUT_IDS.get(tuple(field[:1]), "")


def _build_step(row: Mapping[str, str]) -> dict[str, Any]:
    who, _, kind = row["kind"].partition(".")
    text = row["text"].replace("\r\n", "\n")
    if who == "time":
        return {"wait": text.strip()}
    if kind == "silent":
        return {"silent": True}
    return _build_bot_step(kind, text, row["choices"]) if who == "bot" else _build_user_step(kind, text, row)


def _build_user_step(kind: str, text: str, row: Mapping[str, str]) -> dict[str, Any]:
    acts: dict[str, Any] = {
        "text": text.strip(),
        "voice": {"voice": True},
        "burst": {"burst": [line.strip() for line in text.split("\n") if line.strip()]},
        "form": {"form": _parse_yaml(text) or text.strip()},
    }
    step: dict[str, Any] = {"user": acts.get(kind, {kind: text.strip()})}
    if row["as"].strip():
        step["as"] = row["as"].strip()
    if row["seed"].strip():
        step["seed"] = _parse_number(row["seed"])
    return step


def _build_bot_step(kind: str, text: str, choices: str) -> dict[str, Any]:
    titles = [title.strip() for title in choices.split(CHOICE_SEPARATOR) if title.strip()]
    if kind == "exact" and not titles:
        return {"bot": text.strip()}
    expected: dict[str, Any] = {kind: True if kind == "any" else text.strip()}
    return {"bot": expected | ({"choices": titles} if titles else {})}


def _build_row(step: Mapping[str, Any]) -> Row:
    row = {**BLANK_ROW, "as": str(step.get("as") or ""), "seed": str(step.get("seed", ""))}
    if "wait" in step:
        return {**row, "kind": "time.wait", "text": str(step["wait"])}
    if step.get("silent"):
        return {**row, "kind": "bot.silent"}
    who = "bot" if "bot" in step else "user"
    content = step.get(who)
    if not isinstance(content, Mapping):
        return {**row, "kind": "bot.exact" if who == "bot" else "user.text", "text": str(content or "")}
    kind = next((name for name in content if name != "choices"), "exact" if who == "bot" else "text")
    text = content.get(kind)
    choices = content.get("choices")
    titles = f" {CHOICE_SEPARATOR} ".join(map(str, choices)) if isinstance(choices, list) else ""
    return {
        **row,
        "kind": f"{who}.{kind}",
        "text": _to_form_text(text),
        "choices": titles,
    }


def _to_form_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, Mapping):
        return _dump_yaml(value)
    return "" if value is True or value is None else str(value)


def _dump_yaml(value: Any) -> str:
    """Write data as YAML, a text as it was typed."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    return textwrap.dedent(yaml_format.dump_yaml({"x": value}).partition("\n")[2])


def _parse_yaml(text: str) -> Any:
    """Read YAML (JSON is part of it); a text that cannot be read stays one."""
    if not text.strip():
        return None
    try:
        found = yaml_format.load_yaml("x:\n" + textwrap.indent(text.replace("\r\n", "\n"), "  "))["x"]
        json.dumps(found, allow_nan=False)
    except (InvalidImport, TypeError, ValueError):
        return text
    return found


def _parse_number(text: str) -> int | str | None:
    text = text.strip()
    try:
        return parse_int64(text)
    except ValueError:
        return text or None
