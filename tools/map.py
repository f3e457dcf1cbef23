"""Generator of docs/map.md from the first line of each module's docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAP = ROOT / "docs/map.md"
INTRODUCTION = """# Map

Every package and module of `app/` with the first line of its docstring. What other packages are meant to use of a
package stands in its `__init__.py`; which may import which, in `pyproject.toml` under `[tool.importlinter]`.
`make map` writes this page.

Beside the modules lie data: the pages in `app/templates/` (folders named as in `app/admin/`; message bubbles in
`app/templates/ui/bubbles.html`), styles and scripts in `app/static/`, WhatsApp's error texts in
`app/channels/cloud/error_codes.toml`, sample brains in `app/brains/document/samples/`. The web process is started by
`wsgi.py`, a worker by `huey_tasks.py`; migrations are in `migrations/versions/`.

"""


def build_map() -> str:
    """Return the page: a list of packages, each with its modules and then its packages, by name."""
    return INTRODUCTION + "\n".join(_list_lines(ROOT / "app", 0)) + "\n"


def _list_lines(package: Path, depth: int) -> Iterator[str]:
    indent = "  " * depth
    yield f"{indent}- **{package.name}/** {_read_first_line(package / '__init__.py')}"
    for module in sorted(package.glob("*.py")):
        if module.stem != "__init__":
            yield f"{indent}  - `{module.stem}` {_read_first_line(module)}"
    for folder in sorted(package.iterdir()):
        if (folder / "__init__.py").is_file():
            yield from _list_lines(folder, depth + 1)


def _read_first_line(module: Path) -> str:
    return (ast.get_docstring(ast.parse(module.read_text())) or "").partition("\n")[0]


if __name__ == "__main__":
    MAP.write_text(build_map())
