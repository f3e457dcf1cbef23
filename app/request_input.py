"""Input of HTTP requests: ids of at most 63 bits in addresses, storable texts in addresses, forms and file names."""

from collections.abc import Iterable
from typing import Any, Final

from flask import Flask, Request, request
from werkzeug.datastructures import FileStorage, ImmutableMultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter, PathConverter, UnicodeConverter, ValidationError
from werkzeug.utils import cached_property

from app.text import parse_int64, to_storable

# Far beyond what anybody turns over, and far below what an offset can be.
MAX_PAGE: Final = 1_000_000


class StorableMultiDict(ImmutableMultiDict[str, Any]):
    """Arguments, form fields or files, their texts cleaned once (app.text) and alike for both databases."""

    def __init__(self, mapping: Any = None) -> None:
        is_pairs = isinstance(mapping, Iterable) and not isinstance(mapping, dict)
        super().__init__([_clean_pair(pair) for pair in mapping] if is_pairs else mapping)


class BoundedRequest(Request):
    """A request whose texts can be stored in either database; its numbers are read by `type=parse_int64`."""

    parameter_storage_class = StorableMultiDict

    @cached_property
    def args(self) -> Any:
        """The arguments of the address; raises BadRequest when it is no UTF-8."""
        try:
            return super().args
        except UnicodeDecodeError as error:
            raise BadRequest from error


class IdConverter(BaseConverter):
    """An id in an address, 0 to 2**63 - 1 in ASCII digits; anything else is no address of ours."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """Return the number; raises ValidationError (404) when no row can have it."""
        try:
            return parse_int64(value)
        except ValueError as error:
            raise ValidationError from error


class NameConverter(UnicodeConverter):
    """A name in an address; one that cannot be stored names nothing."""

    def to_python(self, value: str) -> str:
        """Return the name; raises ValidationError (404) for characters no row can have."""
        return _require_storable(value)


class FilePathConverter(PathConverter):
    """A path in an address; one that cannot be stored names nothing."""

    def to_python(self, value: str) -> str:
        """Return the path; raises ValidationError (404) for characters no file of ours has."""
        return _require_storable(value)


def init_app(app: Flask) -> None:
    """Read all requests this way; before any address is registered."""
    app.request_class = BoundedRequest
    app.url_map.converters.update(
        {"int": IdConverter, "default": NameConverter, "string": NameConverter, "path": FilePathConverter}
    )


def read_page() -> int:
    """Return the page of a list that the address asks for, 1 to MAX_PAGE."""
    return min(max(request.args.get("page", 1, type=parse_int64), 1), MAX_PAGE)


def _require_storable(value: str) -> str:
    if to_storable(value) != value:
        raise ValidationError
    return value


def _clean_pair(pair: tuple[str, Any]) -> tuple[str, Any]:
    name, value = pair
    if isinstance(value, FileStorage):
        value.filename = to_storable(value.filename) if value.filename else value.filename
        return to_storable(name), value
    return to_storable(name), to_storable(value) if isinstance(value, str) else value
