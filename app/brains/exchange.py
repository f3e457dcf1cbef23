"""Brains as YAML files: stable order, no secrets, the same bytes after export, import and export again."""

from collections.abc import Mapping
from typing import Any, Final

import yaml
from pydantic import ValidationError

from app.brains import limits
from app.brains.document import Document, plain
from app.signals import DomainError

_ENTRIES: Final = 100_000


class ImportRefused(DomainError):
    """A file that cannot be taken in as a brain; the message says what to change."""

    code = "import-refused"


class _Loader(yaml.CSafeLoader):
    """The safe loader, refusing keys that stand twice: the first one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(keys) != len(set(keys)):
            twice = next(key for index, key in enumerate(keys) if key in keys[:index])
            raise ImportRefused(
                f"Line {node.start_mark.line + 1}: “{twice}” stands there twice. Keep one of them."
            )
        return super().construct_mapping(node, deep)


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
    except (yaml.YAMLError, ValueError) as error:
        raise ImportRefused(f"This is no YAML that can be read: {_reason(error)}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ImportRefused("This file is no brain: it must begin with “brain:” and “title:”.")
    return data


def _check_events(text: str) -> None:
    """Refuse what could grow while it is read: aliases, great depth, very many entries."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise ImportRefused(
                f"Line {event.start_mark.line + 1}: references (*name) are not allowed; write it out."
            )
        if depth > limits.IMPORT_DEPTH or count > _ENTRIES:
            raise ImportRefused("This file is nested too deeply or has too many entries for a brain.")


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)[:200]
