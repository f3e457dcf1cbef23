"""Lint facts about replies in a script: numbers of buttons and rows, least length of texts, constant choices."""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from .. import limits  # noqa: TID252  the package has another name in the child
from .facts import UNKNOWN, Facts

_MARGINS: Final = ("header", "footer")
_MOST: Final = 1_000_000_000
_HOPS: Final = 10
# Seconds of what a timedelta takes, in its order.
_UNITS: Final = {
    "days": 86_400, "seconds": 1, "microseconds": 1e-6, "milliseconds": 1e-3, "minutes": 60, "hours": 3600,
    "weeks": 604_800,
}  # fmt: skip

Place = tuple[int, int | None, int | None]


class Values:
    """Values of expressions as far as they are constant; `named` maps names assigned once to their expressions.

    `has_changes`: the script changes lists or dictionaries after it made them.
    """

    def __init__(self, named: Mapping[str, ast.expr], *, has_changes: bool = False) -> None:
        self._named = named
        self._has_changes = has_changes

    def find_value(self, node: ast.Name) -> ast.expr | None:
        """Return the expression a constant name stands for."""
        return self._named.get(node.id)

    def resolve(self, node: ast.expr | None) -> ast.expr | None:
        """Follow names to their expression, a limited number of times."""
        for _ in range(_HOPS):
            if not isinstance(node, ast.Name) or node.id not in self._named:
                break
            node = self._named[node.id]
        return node

    def read_text(self, node: ast.expr | None) -> str | None:
        """Return a literal text; None for anything else."""
        found = self.resolve(node)
        return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None

    def read_prefix(self, node: ast.expr | None) -> str:
        """Return the literal text an expression begins with; empty when it begins otherwise."""
        found = self.resolve(node)
        if isinstance(found, ast.BinOp) and isinstance(found.op, ast.Add):
            return self.read_prefix(found.left)
        if isinstance(found, ast.JoinedStr) and found.values:
            return self.read_prefix(found.values[0])
        return self.read_text(found) or ""

    def list_choices(self, node: ast.expr | None) -> list[ast.expr | None]:
        """Return the possible expressions: both sides of a condition, else the expression itself."""
        found = self.resolve(node)
        return [found.body, found.orelse] if isinstance(found, ast.IfExp) else [node]

    def count_characters(self, node: ast.expr | None) -> int:
        """Return the least number of characters of a text."""
        found = self.resolve(node)
        if isinstance(found, ast.Constant):
            return len(found.value) if isinstance(found.value, str) else 0
        if isinstance(found, ast.JoinedStr):
            return sum(map(self.count_characters, found.values))
        if isinstance(found, ast.IfExp):
            return min(self.count_characters(found.body), self.count_characters(found.orelse))
        return self._joined(found) if isinstance(found, ast.BinOp) else 0

    def _joined(self, node: ast.BinOp) -> int:
        if isinstance(node.op, ast.Add):
            return self.count_characters(node.left) + self.count_characters(node.right)
        if isinstance(node.op, ast.Mult):
            times = max(self.read_number(node.left), self.read_number(node.right), 0)
            return min(
                max(self.count_characters(node.left), self.count_characters(node.right)) * times, _MOST
            )
        return 0

    def read_number(self, node: ast.expr | None) -> int:
        """Return a literal number, also of products and sums; UNKNOWN for anything else."""
        found = self.resolve(node)
        if isinstance(found, ast.Constant) and isinstance(found.value, (int, float)):
            number = found.value
            return int(number) if 0 <= number <= _MOST else UNKNOWN
        if isinstance(found, ast.BinOp) and isinstance(found.op, (ast.Mult, ast.Add)):
            left, right = self.read_number(found.left), self.read_number(found.right)
            if UNKNOWN in {left, right}:
                return UNKNOWN
            number = left * right if isinstance(found.op, ast.Mult) else left + right
            return min(number, _MOST)
        return UNKNOWN

    def read_seconds(self, node: ast.expr | None) -> int:
        """Return a number of seconds, also of a timedelta, or of a moment so long after now; else UNKNOWN."""
        found = self.resolve(node)
        if (
            isinstance(found, ast.BinOp)
            and isinstance(found.op, ast.Add)
            and _is_now(self.resolve(found.left))
        ):
            return self.read_seconds(found.right)
        if not isinstance(found, ast.Call) or _get_name(found.func) != "timedelta":
            return self.read_number(found)
        given = [*zip(_UNITS, found.args, strict=False), *((word.arg, word.value) for word in found.keywords)]
        lengths = [_UNITS.get(unit or "", 0) * self.read_number(value) for unit, value in given]
        return min(int(sum(lengths)), _MOST) if all(length >= 0 for length in lengths) else UNKNOWN

    def list_items(self, node: ast.expr | None) -> list[ast.expr]:
        """Return the items of a literal list; empty for anything else."""
        found = self.resolve(node)
        if not isinstance(found, (ast.List, ast.Tuple)):
            return []
        return [item for item in found.elts if not isinstance(item, ast.Starred)]

    def read_entries(self, node: ast.expr | None) -> dict[str, ast.expr]:
        """Return the entries of a literal dictionary with text keys; empty for anything else."""
        found = self.resolve(node)
        if not isinstance(found, ast.Dict):
            return {}
        pairs = ((self.read_text(key), value) for key, value in zip(found.keys, found.values, strict=True))
        return {key: value for key, value in pairs if key is not None}

    def read_choice(self, node: ast.expr | None, call: ast.Call) -> tuple[str, str] | None:
        """Return id and title of a button or row in a call; None when only a run would tell them."""
        found = self.resolve(node)
        if found is None or (self._has_changes and not (_is_inside(node, call) and _is_inside(found, call))):
            return None
        if not isinstance(found, ast.Dict):
            title = self.read_text(found)
            return (title, title) if title else None
        entries = self.read_entries(found)
        title = self.read_text(entries.get("title"))
        named = self.resolve(entries.get("id"))
        has_id = named is not None and not (isinstance(named, ast.Constant) and named.value is None)
        identity = self.read_text(named) if has_id else title
        # A key that only a run would tell may be either of them.
        return (identity, title) if identity and title and len(entries) == len(found.keys) else None


class Replies:
    """Collector of facts about the sizes and choices of replies and files."""

    def __init__(self, facts: Facts, values: Values) -> None:
        self._facts = facts
        self._values = values

    def read(self, method: str, call: ast.Call) -> None:
        """Read one call of ctx.reply or ctx.send_..."""
        arguments = {word.arg: word.value for word in call.keywords if word.arg}
        if method != "reply":
            self._size("caption", arguments.get("caption"), call)
            return
        names = ("text", "buttons", "list", "quote")
        arguments |= dict(zip(names, call.args, strict=False))
        buttons = self._values.resolve(arguments.get("buttons"))
        has_buttons = buttons is not None and not (
            isinstance(buttons, ast.Constant) and buttons.value is None
        )
        length = self._values.count_characters(arguments.get("text"))
        self._facts.add("reply", (), get_position(call), length, flag=has_buttons)
        self._several("buttons", self._values.list_items(buttons), call)
        for item in self._values.list_items(buttons):
            self._titled("button", item, call)
        for several in self._values.list_choices(buttons):
            for item in self._values.list_items(several):
                self._choice("press", item, call)
        for margin in _MARGINS:
            self._size(margin, arguments.get(margin), call)
        self._menu(self._values.read_entries(arguments.get("list")), call)

    def _menu(self, menu: Mapping[str, ast.expr], call: ast.Call) -> None:
        self._size("list-button", menu.get("button"), call)
        sections = self._values.list_items(menu.get("sections"))
        titles = [self._values.read_entries(section).get("title") for section in sections]
        for title in titles:
            self._size("section", title, call)
        rows = [*self._values.list_items(menu.get("rows")), *self._rows(sections)]
        self._several("rows", rows, call)
        for row in rows:
            self._titled("row", row, call)
            self._choice("pick", row, call)
            self._size("description", self._values.read_entries(row).get("description"), call)

    def _rows(self, sections: list[ast.expr]) -> Iterator[ast.expr]:
        for section in sections:
            yield from self._values.list_items(self._values.read_entries(section).get("rows"))

    def _titled(self, what: str, item: ast.expr, call: ast.Call) -> None:
        """Read a title that stands alone or in a dictionary."""
        entries = self._values.read_entries(item)
        self._size(what, entries.get("title", item), call)

    def _choice(self, what: str, item: ast.expr, call: ast.Call) -> None:
        """Record the constant id and title of a button or row, or those of both sides of a condition."""
        for each in self._values.list_choices(item):
            pair = self._values.read_choice(each, call)
            # A text that would be cut on its way is another one.
            if pair and max(map(len, pair)) <= limits.FACT_CHARS:
                self._facts.add(what, pair, _get_place(item, call))

    def _several(self, what: str, items: list[ast.expr], call: ast.Call) -> None:
        if items:
            self._facts.add(what, (), get_position(call), len(items))

    def _size(self, what: str, text: ast.expr | None, call: ast.Call) -> None:
        length = self._values.count_characters(text)
        if text is not None and length:
            self._facts.add(what, (self._values.read_text(text) or "",), _get_place(text, call), length)


def _get_name(node: ast.expr) -> str:
    """Return the last name of datetime.timedelta or timedelta; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_now(node: ast.expr | None) -> bool:
    """Tell whether an expression is ctx.now, or datetime.now()."""
    node = node.func if isinstance(node, ast.Call) else node
    return isinstance(node, ast.Attribute) and node.attr == "now"


def get_position(node: ast.expr) -> Place:
    """Return line and columns of an expression (from 1); no end when that is on another line."""
    end = node.end_col_offset if node.end_lineno == node.lineno else None
    return node.lineno, node.col_offset + 1, None if end is None else end + 1


def _get_place(node: ast.expr, call: ast.Call) -> Place:
    """Return the position of a part of a call; that of the call when the part stands before it."""
    return get_position(node if node.lineno >= call.lineno else call)


def _is_inside(node: ast.expr | None, call: ast.Call) -> bool:
    if node is None:
        return False
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    whole = (call.end_lineno or 0, call.end_col_offset or 0)
    return (call.lineno, call.col_offset) <= start and end <= whole
