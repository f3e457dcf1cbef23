"""Markdown of a language model to WhatsApp's formatting: bold, headings, links, lists, tables; code stays as it is."""

import re
from typing import Final

# Bounded, so that an answer full of loose marks costs no more than its length.
_INNER: Final = r"(?=\S)([^\n]{1,600}?)(?<=\S)"
_CODE: Final = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+([^\n]+?)[ \t]*#*$", re.MULTILINE)
_RULE: Final = re.compile(
    r"^ {0,3}(?:-[ \t]*){3,}$|^ {0,3}(?:\*[ \t]*){3,}$|^ {0,3}(?:_[ \t]*){3,}$", re.MULTILINE
)
_ITEM: Final = re.compile(r"^([ \t]*)[*+][ \t]+", re.MULTILINE)
_LINK: Final = re.compile(
    r"!?\[([^\]\n]{0,300})\]\(<?((?:https?://|mailto:|tel:)[^\s)>]{1,2000})>?(?: \"[^\"\n]*\")?\)"
)
_BOLD_ITALIC: Final = re.compile(rf"\*\*\*{_INNER}\*\*\*")
_BOLD: Final = re.compile(rf"\*\*{_INNER}\*\*|(?<!\w)__{_INNER}__(?!\w)")
# A row of titles, a line of dashes below it, and the rows.
_TABLE: Final = re.compile(
    r"""
    ^(?P<titles>[^\n|]*\|[^\n]*)\n
    (?=[^\n]*\|)[ \t]*(?:\|[ \t]*)?:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*(?:\|[ \t]*)?
    (?:\n(?P<rows>(?:[^\n|]*\|[^\n]*\n?)*)|\Z)
    """,
    re.MULTILINE | re.VERBOSE,
)
_STRUCK: Final = re.compile(rf"~~{_INNER}~~")


def to_whatsapp(text: str) -> str:
    """Return Markdown as WhatsApp shows it: `**Bold**` is `*Bold*`, a link its words and address."""
    parts = _CODE.split(text)
    return "".join(part if number % 2 else _convert(part) for number, part in enumerate(parts))


def _convert(text: str) -> str:
    text = _TABLE.sub(_write_table, text)
    text = _RULE.sub("", text)
    text = _ITEM.sub(r"\1- ", text)
    text = _LINK.sub(_write_link, text)
    text = _HEADING.sub(lambda found: f"**{found[1].replace('**', '').replace('__', '')}**", text)
    text = _BOLD_ITALIC.sub(r"*_\1_*", text)
    text = _BOLD.sub(lambda found: f"*{found[1] or found[2]}*", text)
    return _STRUCK.sub(r"~\1~", text)


def _write_table(found: re.Match[str]) -> str:
    titles, *rows = (_list_cells(row) for row in [found["titles"], *(found["rows"] or "").splitlines()])
    bold = [f"**{each}**" if each and "*" not in each else each for each in titles]
    end = "\n" if found[0].endswith("\n") else ""
    return "\n".join(" | ".join(cells) for cells in [bold, *rows]) + end


def _list_cells(row: str) -> list[str]:
    return [each.strip() for each in row.strip().removeprefix("|").removesuffix("|").split("|")]


def _write_link(found: re.Match[str]) -> str:
    words, address = found[1].strip(), found[2].removeprefix("mailto:").removeprefix("tel:")
    return address if words in {"", address, found[2]} else f"{words} ({address})"
