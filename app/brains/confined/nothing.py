"""None in templates: what was left out is written as nothing, and replaced by a default; filters that keep to it."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import nodes
from jinja2.filters import FILTERS


def fill_default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Return a value, or the default for one that is missing, nothing, or (with `boolean`) false."""
    return default_value if value is None else FILTERS["default"](value, default_value, boolean)


def write_none_as_nothing(value: Any) -> Any:
    """Write nothing for what was left out: None is no word of a customer's."""
    return "" if value is None else value


def adapt_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter to which a value that was left out is an empty text, and whose result is no generator.

    The text of a generator would be an address.
    """
    # Some filters take the environment or the context first (jinja2.pass_environment).
    place = int(hasattr(function, "jinja_pass_arg"))

    @functools.wraps(function)
    def apply(*args: Any, **kwargs: Any) -> Any:
        if args[place] is None and function is not fill_default:
            args = (*args[:place], "", *args[place + 1 :])
        result = function(*args, **kwargs)
        return list(result) if isinstance(result, Iterator) else result

    return apply


def join_as_text(tree: nodes.Template) -> None:
    """Let what `~` joins go through the filter `string`, to which None is an empty text."""
    for joined in tree.find_all(nodes.Concat):
        joined.nodes = [
            nodes.Filter(part, "string", [], [], None, None, lineno=part.lineno) for part in joined.nodes
        ]
