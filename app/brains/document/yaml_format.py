"""YAML format of brains: export in a stable order, import with limits and error positions."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from app.brains import limits
from app.brains.document.schema import Document, to_json_data
from app.brains.sandbox.types import build_excerpt
from app.signals import DomainError
from app.text import to_storable_data

_MAX_EVENTS: Final = 100_000


class InvalidImport(DomainError):
    """File that cannot be imported; the message says what to change, with line and column (from 1) if known.

    `excerpt` shows the lines around.
    """

    code = "import-refused"

    def __init__(
        self, message: str, line: int | None = None, column: int | None = None, excerpt: Sequence[str] = ()
    ) -> None:
        place = f"Line {line}, column {column}: " if line and column else ""
        super().__init__(f"{place}{message}")
        self.message, self.line, self.column, self.excerpt = message, line, column, tuple(excerpt)


class _ForbiddenSyntax(Exception):
    """Refused YAML syntax with its position."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.mark = mark


# Lists of texts, whatever they look like: a keyword `1.10` or `true` stays as it is written.
_TEXT_KEYS: Final = frozenset(
    {"words", "texts", "ids", "choices", "variants", "prefixes", "allow", "deny", "examples", "not_intents"}
)
# Arguments whose default is a text.
_TEXT_TYPES: Final = frozenset({"word", "rest", "choice"})
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_NULL_TAG: Final = "tag:yaml.org,2002:null"
_MAX_DIGITS: Final = 18


class _Loader(yaml.CSafeLoader):
    """Safe loader of YAML 1.2 scalars, written in decimals only; refuses duplicate keys and very large numbers."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _ForbiddenSyntax(
                        f"“{key.value}” stands there twice. Keep one of them.", key.start_mark
                    )
                seen.add(key.value)
        _keep_texts(node)
        return super().construct_mapping(node, deep)

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        """Return a whole number; one that no field could hold is refused."""
        if len(node.value.lstrip("+-")) > _MAX_DIGITS:
            raise _ForbiddenSyntax("This number is too large.", node.start_mark)
        return int(node.value)


def _keep_texts(node: yaml.MappingNode) -> None:
    """Let the scalars of text fields be texts."""
    fields = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    keys = _TEXT_KEYS & fields.keys()
    kind = fields.get("type")
    if "name" in fields and (kind is None or kind.value in _TEXT_TYPES):
        keys |= {"default"} & fields.keys()
    for key in keys:
        value = fields[key]
        scalars = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for scalar in scalars:
            if isinstance(scalar, yaml.ScalarNode) and scalar.tag in _PLAIN_TAGS:
                scalar.tag = _TEXT_TAG


# Not those of YAML 1.1, for which `yes` is true and `12:30` a number.
_Loader.yaml_implicit_resolvers = {}
_PLAIN_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))
for _kind, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", "[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    # As YAML 1.1 writes it: a text that the export leaves without quotes is no number.
    (
        "float",
        r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN)",
        "-+0123456789.",
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole_number)

# A date is a text here: no field of a brain is one, and JSON has none.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)


class _Dumper(yaml.SafeDumper):
    """Safe dumper that writes multi-line texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  YAML's signature
        """Write equal values out each time, since the import refuses aliases."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  the same
        """Indent lists below their key."""
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)


def dump_yaml(document: Document | Mapping[str, Any]) -> str:
    """Dump a brain as YAML; a draft with problems is dumped as it is."""
    if isinstance(document, Document):
        data: Mapping[str, Any] = to_json_data(document)
    else:
        try:
            data = to_json_data(Document.model_validate(dict(document)))
        except ValidationError:
            data = document
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def decode_file(sent: bytes) -> str:
    """Return the text of a file in UTF-8, with or without its mark; raises InvalidImport for anything else."""
    try:
        # A file that is too large may be cut within a letter; that it is too large is said later.
        return sent.decode("utf-8-sig", "replace" if len(sent) > limits.IMPORT_BYTES else "strict")
    except UnicodeDecodeError as error:
        raise InvalidImport(
            "This is no text in UTF-8. Export the brain again, or save the file as UTF-8."
        ) from error


def read_file(path: Path) -> dict[str, Any]:
    """Read a YAML file as a draft; raises InvalidImport."""
    # One byte more than allowed tells a file that is too large from one that just fits.
    with path.open("rb") as file:
        return load_yaml(decode_file(file.read(limits.IMPORT_BYTES + 1)))


def load_yaml(text: str) -> dict[str, Any]:
    """Parse YAML as a draft; raises InvalidImport. `validation.find_problems` checks whether it can run."""
    if len(text.encode("utf-8", "replace")) > limits.IMPORT_BYTES:
        raise InvalidImport(f"This file is too large: {limits.IMPORT_BYTES:,} bytes are allowed.")
    try:
        _check_events(text)
        data = to_storable_data(yaml.load(text, Loader=_Loader))  # noqa: S506  a subclass of the safe loader
        json.dumps(data, allow_nan=False)
    except _ForbiddenSyntax as error:
        raise _build_error(text, str(error), error.mark) from error
    except yaml.YAMLError as error:
        reason = getattr(error, "problem", None) or str(error)[:200]
        mark = getattr(error, "problem_mark", None)
        raise _build_error(text, f"This is no YAML that can be read: {reason}.", mark) from error
    except (ValueError, TypeError) as error:
        message = "A brain holds texts, whole and decimal numbers, true and false, and nothing else"
        raise InvalidImport(f"{message}: {str(error)[:200]}.") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise InvalidImport("This file is no brain: it must begin with “brain:” and “title:”.")
    return data


def _check_events(text: str) -> None:
    """Refuse input that could grow while it is parsed: aliases, great depth, very many entries."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise _ForbiddenSyntax("References (*name) are not allowed; write it out.", event.start_mark)
        if depth > limits.IMPORT_DEPTH or count > _MAX_EVENTS:
            raise InvalidImport("This file is nested too deeply or has too many entries for a brain.")


def _build_error(text: str, message: str, mark: yaml.Mark | None) -> InvalidImport:
    if mark is None:
        return InvalidImport(message)
    return InvalidImport(message, mark.line + 1, mark.column + 1, build_excerpt(text, mark.line + 1))
