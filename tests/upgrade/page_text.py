"""Texts of a page as a reader meets them, line by line, and those of each message of a chat."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

_SILENT = frozenset({"script", "style", "svg", "template", "head", "option"})
_VOID = frozenset(
    {"input", "br", "img", "meta", "link", "hr", "path", "use", "source", "col", "wbr"}
)  # fmt: skip
_MAIN = re.compile(r"<main.*</main>", re.DOTALL)
_ITEM = re.compile(r"[mn]\d+")


class PageText(HTMLParser):
    """Lines of a page's main part, and by their id those of the messages and notes in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.items: dict[str, list[str]] = {}
        self._open: list[tuple[str, str]] = []
        main = _MAIN.search(html)
        self.feed(main.group(0) if main else html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        ident = dict(attrs).get("id") or ""
        inside = self._open[-1][1] if self._open else ""
        self._open.append((tag, ident if tag == "li" and _ITEM.fullmatch(ident) else inside))

    def handle_endtag(self, tag: str) -> None:
        if any(tag == each for each, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if not words or any(tag in _SILENT for tag, _ in self._open):
            return
        self.lines.append(words)
        if self._open and self._open[-1][1]:
            self.items.setdefault(self._open[-1][1], []).append(words)
