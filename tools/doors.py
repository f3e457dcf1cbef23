"""Generator of the table role x door in docs/security.md: every route, live event, topic and webhook of the product."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs/security.md"
BEGIN, END = "<!-- doors: written by `make doors` -->", "<!-- end of doors -->"


class Door(NamedTuple):
    """A way in: its kind (page, event, topic, webhook), its name, and the right it asks for; empty = none."""

    kind: str
    name: str
    right: str


def list_doors(app: Any) -> list[Door]:
    """List every door of an application, by kind and address."""
    doors = {*_list_pages(app), *_list_live(app), *_list_webhooks(app)}
    # The methods of an address stand together.
    return sorted(doors, key=lambda door: (door.kind, door.name.split(" ")[::-1], door.right))


def build_tables(app: Any) -> str:
    """Return what the page says of rights and of doors, as two tables."""
    from app.accounts.roles import RIGHT_DESCRIPTIONS, ROLE_RIGHTS, Role

    heads = " | ".join(Role)
    rule = "|---" * (len(Role) + 2) + "|"
    lines = [f"| right | what it opens | {heads} |", rule]
    for right, words in RIGHT_DESCRIPTIONS.items():
        marks = " | ".join(_mark(right in ROLE_RIGHTS[role]) for role in Role)
        lines.append(f"| `{right}` | {words} | {marks} |")
    lines += ["", f"| door | right | {heads} | signed out |", rule + "---|"]
    for door in list_doors(app):
        marks = " | ".join(_mark(not door.right or door.right in ROLE_RIGHTS[role]) for role in Role)
        right = f"`{door.right}`" if door.right else "none"
        lines.append(f"| {door.kind} `{door.name}` | {right} | {marks} | {_mark(not door.right)} |")
    return "\n".join(lines)


def replace_tables(page: str, tables: str) -> str:
    """Return the page with these tables between its two marks."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{tables}\n{END}{rest.partition(END)[2]}"


def _mark(is_open: bool) -> str:
    return "yes" if is_open else "–"


def _list_pages(app: Any) -> Iterator[Door]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield Door("page", f"{method} {rule.rule}", str(getattr(view, "needs_right", "")))


def _list_live(app: Any) -> Iterator[Door]:
    from app.topics import TOPICS

    for event, handler, _ in vars(app.extensions["socketio"])["handlers"]:
        yield Door("event", event, str(handler.needs_right))
    for topic in TOPICS:
        yield Door("topic", re.sub(r"\\d\{.*\}", "<id>", topic.pattern.pattern), topic.right)


def _list_webhooks(app: Any) -> Iterator[Door]:
    for channel in app.extensions["services"].channels.values():
        path = getattr(channel, "path", "")
        if path:
            yield Door("webhook", f"GET {path}", "")
            yield Door("webhook", f"POST {path}", "")


def main() -> None:
    """Write the tables into the page."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BRAINBOX_DATA": folder, "DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "warning"}
        from app import create_app

        app = create_app()
        PAGE.write_text(replace_tables(PAGE.read_text(), build_tables(app)))
        app.extensions["services"].close()
        app.extensions["services"].database.writer.close()


if __name__ == "__main__":
    main()
