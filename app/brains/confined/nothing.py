"""None in templates: what was left out is written as nothing, and replaced by a default; filters that keep to it."""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from jinja2 import nodes, pass_eval_context
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.nodes import EvalContext


def fill_default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Return a value, or the default for one that is missing, nothing, or (with `boolean`) false."""
    return default_value if value is None else FILTERS["default"](value, default_value, boolean)


@pass_eval_context
def join_given(context: EvalContext, value: Iterable[Any], d: Any = "", attribute: Any = None) -> str:
    """Join the values of a list to one text; what was left out is not among them."""
    values = value if attribute is None else map(make_attrgetter(context.environment, attribute), value)
    return write_text(d).join(str(each) for each in values if each is not None)


def replace_given(s: Any, old: Any, new: Any, count: int | None = None) -> str:
    """Replace a text by another one; by nothing where that was left out, and nothing for a text left out."""
    return (
        str(s) if old is None else str(s).replace(str(old), write_text(new), -1 if count is None else count)
    )


def write_none_as_nothing(value: Any) -> Any:
    """Write nothing for what was left out: None is no word of a customer's."""
    return "" if value is None else value


def write_text(value: Any) -> str:
    """Return a value as text, an empty one for what was left out."""
    return str(write_none_as_nothing(value))


GIVEN_FILTERS: Final = {
    "default": fill_default, "d": fill_default, "join": join_given, "replace": replace_given,
}  # fmt: skip


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
