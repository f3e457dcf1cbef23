"""Brains as YAML files: stable order, no secrets, the same bytes after export, import and export again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml
from pydantic import ValidationError

from app.brains import limits
from app.brains.document import Document, plain
from app.brains.sandbox.wire import excerpt
from app.signals import DomainError

_ENTRIES: Final = 100_000


class ImportRefused(DomainError):
    """A file that cannot be taken in as a brain; the message says what to change, and where (from 1) if it is known.

    `excerpt` shows the lines around.
    """

    code = "import-refused"

    def __init__(
        self, message: str, line: int | None = None, column: int | None = None, excerpt: Sequence[str] = ()
    ) -> None:
        place = f"Line {line}, column {column}: " if line and column else ""
        super().__init__(f"{place}{message}")
        self.message, self.line, self.column, self.excerpt = message, line, column, tuple(excerpt)


class _Misplaced(Exception):
    """Something that is not taken in, and where it stands."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.mark = mark


class _Loader(yaml.CSafeLoader):
    """The safe loader, refusing keys that stand twice: the first one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _Misplaced(f"“{key.value}” stands there twice. Keep one of them.", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


# A date is a text here: no field of a brain is one, and JSON has none.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)


class _Dumper(yaml.SafeDumper):
    """The safe dumper, writing texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  YAML's signature
        """Write equal values out each time: our own import refuses aliases."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  the same
        """Indent lists below their key."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(document: Document | Mapping[str, Any]) -> str:
    """Write a brain as YAML; a draft with problems is written as it stands."""
    if isinstance(document, Document):
        data: Mapping[str, Any] = plain(document)
    else:
        try:
            data = plain(Document.model_validate(dict(document)))
        except ValidationError:
            data = document
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def load(text: str) -> dict[str, Any]:
    """Read YAML as a draft; raises ImportRefused. Whether it can run is for `problems` to say."""
    if len(text.encode("utf-8", "replace")) > limits.IMPORT_BYTES:
        raise ImportRefused(f"This file is too large: {limits.IMPORT_BYTES:,} bytes are allowed.")
    try:
        _check_events(text)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506  a subclass of the safe loader
        json.dumps(data, allow_nan=False)
    except _Misplaced as error:
        raise _refused(text, str(error), error.mark) from error
    except yaml.YAMLError as error:
        reason = getattr(error, "problem", None) or str(error)[:200]
        mark = getattr(error, "problem_mark", None)
        raise _refused(text, f"This is no YAML that can be read: {reason}.", mark) from error
    except (ValueError, TypeError) as error:
        said = "A brain holds texts, whole and decimal numbers, true and false, and nothing else"
        raise ImportRefused(f"{said}: {str(error)[:200]}.") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ImportRefused("This file is no brain: it must begin with “brain:” and “title:”.")
    return data


def _check_events(text: str) -> None:
    """Refuse what could grow while it is read: aliases, great depth, very many entries."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise _Misplaced("References (*name) are not allowed; write it out.", event.start_mark)
        if depth > limits.IMPORT_DEPTH or count > _ENTRIES:
            raise ImportRefused("This file is nested too deeply or has too many entries for a brain.")


def _refused(text: str, message: str, mark: yaml.Mark | None) -> ImportRefused:
    if mark is None:
        return ImportRefused(message)
    return ImportRefused(message, mark.line + 1, mark.column + 1, excerpt(text, mark.line + 1))
