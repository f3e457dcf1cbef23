"""Reads what a script hands to ctx.reply and ctx.send_...: how many buttons and rows, how long the texts at least."""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from .facts import UNKNOWN, Facts

_MARGINS: Final = ("header", "footer")
_MOST: Final = 1_000_000_000
_HOPS: Final = 10

Place = tuple[int, int | None, int | None]


class Values:
    """What expressions are worth as far as that can be read; `named` holds names that have one value for good."""

    def __init__(self, named: Mapping[str, ast.expr]) -> None:
        self._named = named

    def of(self, node: ast.Name) -> ast.expr | None:
        """Return what a name stands for, if that never changes."""
        return self._named.get(node.id)

    def resolved(self, node: ast.expr | None) -> ast.expr | None:
        """Look through names, a few of them."""
        for _ in range(_HOPS):
            if not isinstance(node, ast.Name) or node.id not in self._named:
                break
            node = self._named[node.id]
        return node

    def text(self, node: ast.expr | None) -> str | None:
        """Return a literal text; None for anything else."""
        found = self.resolved(node)
        return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None

    def beginning(self, node: ast.expr | None) -> str:
        """Return the literal text an expression begins with; empty when it begins with something else."""
        found = self.resolved(node)
        if isinstance(found, ast.BinOp) and isinstance(found.op, ast.Add):
            return self.beginning(found.left)
        if isinstance(found, ast.JoinedStr) and found.values:
            return self.beginning(found.values[0])
        return self.text(found) or ""

    def choices(self, node: ast.expr | None) -> list[ast.expr | None]:
        """Return what an expression may turn out to be: both sides of a condition, else itself."""
        found = self.resolved(node)
        return [found.body, found.orelse] if isinstance(found, ast.IfExp) else [node]

    def length(self, node: ast.expr | None) -> int:
        """Return how many characters a text has at least."""
        found = self.resolved(node)
        if isinstance(found, ast.Constant):
            return len(found.value) if isinstance(found.value, str) else 0
        if isinstance(found, ast.JoinedStr):
            return sum(map(self.length, found.values))
        if isinstance(found, ast.IfExp):
            return min(self.length(found.body), self.length(found.orelse))
        return self._joined(found) if isinstance(found, ast.BinOp) else 0

    def _joined(self, node: ast.BinOp) -> int:
        if isinstance(node.op, ast.Add):
            return self.length(node.left) + self.length(node.right)
        if isinstance(node.op, ast.Mult):
            times = max(self.number(node.left), self.number(node.right), 0)
            return min(max(self.length(node.left), self.length(node.right)) * times, _MOST)
        return 0

    def number(self, node: ast.expr | None) -> int:
        """Return a literal number, products and sums of such included; UNKNOWN for anything else."""
        found = self.resolved(node)
        if isinstance(found, ast.Constant) and isinstance(found.value, (int, float)):
            worth = found.value
            return int(worth) if 0 <= worth <= _MOST else UNKNOWN
        if isinstance(found, ast.BinOp) and isinstance(found.op, (ast.Mult, ast.Add)):
            left, right = self.number(found.left), self.number(found.right)
            if UNKNOWN in {left, right}:
                return UNKNOWN
            worth = left * right if isinstance(found.op, ast.Mult) else left + right
            return min(worth, _MOST)
        return UNKNOWN

    def items(self, node: ast.expr | None) -> list[ast.expr]:
        """Return the items of a literal list; none when it is no such."""
        found = self.resolved(node)
        if not isinstance(found, (ast.List, ast.Tuple)):
            return []
        return [item for item in found.elts if not isinstance(item, ast.Starred)]

    def entries(self, node: ast.expr | None) -> dict[str, ast.expr]:
        """Return the entries of a literal dictionary whose keys are texts; none when it is no such."""
        found = self.resolved(node)
        if not isinstance(found, ast.Dict):
            return {}
        pairs = ((self.text(key), value) for key, value in zip(found.keys, found.values, strict=True))
        return {key: value for key, value in pairs if key is not None}


class Replies:
    """Notes the sizes of what is sent."""

    def __init__(self, facts: Facts, values: Values) -> None:
        self._facts = facts
        self._values = values

    def read(self, method: str, call: ast.Call) -> None:
        """Read one call of ctx.reply or ctx.send_..."""
        given = {word.arg: word.value for word in call.keywords if word.arg}
        if method != "reply":
            self._size("caption", given.get("caption"), call)
            return
        names = ("text", "buttons", "list", "quote")
        given |= dict(zip(names, call.args, strict=False))
        buttons = self._values.resolved(given.get("buttons"))
        beside = buttons is not None and not (isinstance(buttons, ast.Constant) and buttons.value is None)
        length = self._values.length(given.get("text"))
        self._facts.add("reply", (), place_of(call), length, flag=beside)
        self._several("buttons", self._values.items(buttons), call)
        for item in self._values.items(buttons):
            self._titled("button", item, call)
        for margin in _MARGINS:
            self._size(margin, given.get(margin), call)
        self._menu(self._values.entries(given.get("list")), call)

    def _menu(self, menu: Mapping[str, ast.expr], call: ast.Call) -> None:
        self._size("list-button", menu.get("button"), call)
        sections = self._values.items(menu.get("sections"))
        titles = [self._values.entries(section).get("title") for section in sections]
        for title in titles:
            self._size("section", title, call)
        rows = [*self._values.items(menu.get("rows")), *self._rows(sections)]
        self._several("rows", rows, call)
        for row in rows:
            self._titled("row", row, call)
            self._size("description", self._values.entries(row).get("description"), call)

    def _rows(self, sections: list[ast.expr]) -> Iterator[ast.expr]:
        for section in sections:
            yield from self._values.items(self._values.entries(section).get("rows"))

    def _titled(self, what: str, item: ast.expr, call: ast.Call) -> None:
        """Read a title that stands alone or in a dictionary."""
        entries = self._values.entries(item)
        self._size(what, entries.get("title", item), call)

    def _several(self, what: str, items: list[ast.expr], call: ast.Call) -> None:
        if items:
            self._facts.add(what, (), place_of(call), len(items))

    def _size(self, what: str, text: ast.expr | None, call: ast.Call) -> None:
        length = self._values.length(text)
        if text is not None and length:
            place = place_of(text) if text.lineno >= call.lineno else place_of(call)
            self._facts.add(what, (self._values.text(text) or "",), place, length)


def place_of(node: ast.expr) -> Place:
    """Return line and columns of an expression, counted from 1; no end when that is on another line."""
    end = node.end_col_offset if node.end_lineno == node.lineno else None
    return node.lineno, node.col_offset + 1, None if end is None else end + 1
