"""The glossary is tested: its names exist, and the words it forbids occur nowhere."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask

from app.db.schema import Base

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "glossary.md").read_text()
TERMS, FORBIDDEN = (
    [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in part.splitlines()
        if line.startswith("| ")
    ][1:]
    for part in TEXT.split("## Forbidden words")
)
NOTHING = "–"
_ATTRIBUTES = re.compile(r"\b(?:title|aria-label|placeholder|alt)=\"([^\"]*)\"")
_TAG = re.compile(r"<[^<>]*>")


def list_names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def find_identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def split_identifier(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def find_texts(tree: ast.Module) -> Iterator[str]:
    """Yield the sentences and titles of a module, without its docstrings."""
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            yield node.value


def find_page_texts(app: Flask, path: Path) -> Iterator[str]:
    """Yield what a template shows: text outside tags, attributes that are read out, strings of expressions."""
    html = ""
    for _, kind, value in app.jinja_env.lex(path.read_text()):
        if kind == "data":
            html += value
        elif kind == "string" and (" " in value or value[1:2].isupper()):
            yield value[1:-1]
        elif kind.endswith("_begin"):
            html += "…"
    yield from _ATTRIBUTES.findall(html)
    yield from _TAG.sub("\n", html).splitlines()


@pytest.fixture(scope="module")
def page_texts(app_for_texts: Flask) -> dict[str, list[str]]:
    templates = sorted((ROOT / "app" / "templates").rglob("*.html"))
    found = {str(path.relative_to(ROOT)): list(find_page_texts(app_for_texts, path)) for path in templates}
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text())
        found[str(path.relative_to(ROOT))] = [
            text for text in find_texts(tree) if " " in text or (text[:1].isupper() and not text.isupper())
        ]
    return found


@pytest.fixture(scope="module")
def app_for_texts() -> Flask:
    return Flask("texts")


def test_each_term_stands_once_and_in_order():
    names = [row[0] for row in TERMS]
    assert len(names) > 50
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(row) == 5 and row[1] for row in TERMS)
    words = [row[0] for row in FORBIDDEN]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("name", sorted({name for row in TERMS for name in list_names(row[2])}))
def test_each_name_in_code_can_be_imported(name: str):
    module, _, last = name.rpartition(".")
    if last[0].isupper():
        assert hasattr(import_module(module), last)
    else:
        import_module(name)


def test_each_table_exists():
    import_module("app.tables")
    tables = {name for row in TERMS for name in list_names(row[3])}
    assert tables - set(Base.metadata.tables) == set()


def test_each_word_of_a_page_occurs_on_one(page_texts: dict[str, list[str]], installation: Flask):
    shown = "\n".join(text for texts in page_texts.values() for text in texts).casefold()
    commands = {name for row in TERMS if (name := row[4]).split()[0] in installation.cli.commands}
    words = {row[4] for row in TERMS} - {NOTHING} - commands
    assert sorted(word for word in words if word.casefold() not in shown) == []


def test_forbidden_words_occur_in_no_text_of_a_page(page_texts: dict[str, list[str]]):
    words = "|".join(re.escape(row[0]) for row in FORBIDDEN)
    pattern = re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    found = [
        f"{path}: {text.strip()}"
        for path, texts in page_texts.items()
        for text in texts
        if pattern.search(text)
    ]
    assert found == []


def split_static_words(text: str) -> str:
    """Return the words of a script or style in lower case, one blank between them."""
    return " ".join(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text))


def test_forbidden_words_occur_in_no_script_and_no_style():
    words = "|".join(re.escape(row[0].replace("-", " ")) for row in FORBIDDEN)
    pattern = re.compile(rf"\b(?:{words}|red)(?:e?s)?\b")
    static = ROOT / "app" / "static"
    ours = [path for path in static.rglob("*.[jc]s*") if "vendor" not in path.relative_to(static).parts]
    assert len(ours) > 50
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in ours
        for line in path.read_text().splitlines()
        if pattern.search(split_static_words(re.sub(r"\.label-(?:red|green)\b", "", line)))
    }
    assert sorted(found) == []


def test_forbidden_words_occur_in_no_identifier():
    words = {row[0] for row in FORBIDDEN if row[1] == "code"}
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "app").rglob("*.py")
        for name in find_identifiers(ast.parse(path.read_text()))
        if words
        & {
            form
            for word in split_identifier(name)
            for form in (word, word.removesuffix("s"), word.removesuffix("es"))
        }
    }
    assert sorted(found) == []
