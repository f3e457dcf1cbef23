"""Code that nothing in the product uses: vulture, which is told what templates and frameworks read by name."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vulture.core import Vulture

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app", "huey_tasks.py", "wsgi.py")
USERS = ("bench", "migrations", "tools")
# Called by name from outside the product: Flask, Flask-Login, asyncio, Jinja, RestrictedPython, PyYAML, SQLAlchemy …
HOOKS = ROOT / "tools/dead_code_hooks.txt"
REGISTERING = (
    "@*.after_*",
    "@*.app_template_*",
    "@*.before_*",
    "@*.command*",
    "@*.context_processor",
    "@*.errorhandler",
    "@*.get",
    "@*.group*",
    "@*.listens_for",
    "@*.on",
    "@*.post",
    "@*.route",
    "@*.signal",
    "@*.task",
    "@*.user_loader",
    "@*_validator*",
    "@compiles",
    "@listens_for",
)
# Their fields leave or enter as data, whole: a column or a member of a payload need not be read by name.
DATA_CLASSES = ("BaseModel", "Base", "Record", "TypedDict")


def list_template_words() -> set[str]:
    """Return every name that a Jinja expression of a template reads."""
    expressions = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
    return {
        word
        for path in (ROOT / "app/templates").rglob("*.html")
        for expression in expressions.findall(path.read_text())
        for word in re.findall(r"[a-z_]\w*", expression, re.IGNORECASE)
    }


def list_data_fields() -> set[tuple[str, str]]:
    """Return the fields of pydantic models, tables and typed dictionaries, as (path, name)."""
    classes = [
        (str(path), node)
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    known, before = set(DATA_CLASSES), 0
    while len(known) > before:
        before = len(known)
        known |= {node.name for _, node in classes if known & set(_list_base_names(node))}
    return {
        (path, child.target.id)
        for path, node in classes
        if node.name in known
        for child in node.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    }


def _list_base_names(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        yield base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


def main() -> int:
    """Print what nothing uses and return the exit code: 0 when there is none."""
    vulture = Vulture(ignore_decorators=list(REGISTERING))
    vulture.scavenge([str(ROOT / source) for source in (*SOURCES, *USERS)])
    hooks = {line.split("#")[0].strip() for line in HOOKS.read_text().splitlines()} - {""}
    used = list_template_words() | hooks
    fields = list_data_fields()
    sources = tuple(str(ROOT / source) for source in SOURCES)
    unused = [
        item
        for item in vulture.get_unused_code()
        if str(item.filename).startswith(sources)
        and item.name not in used
        and (str(item.filename), item.name) not in fields
    ]
    for item in unused:
        print(f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno}: {item.message}")
    return min(len(unused), 1)


if __name__ == "__main__":
    sys.exit(main())
