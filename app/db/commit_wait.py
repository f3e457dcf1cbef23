"""Coroutines of webhooks, which wait for nothing but commits: run without a task and a future for each.

Both together cost more than reading a request; a webhook needs neither cancellation nor a name.
"""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")
# Is called once, in the loop's thread, with a result or with an error.
Resume = Callable[[Any, Exception | None], None]


class Wait(Generic[T]):
    """Something to await: `begin` starts it, and what is called with a result or an error then ends it."""

    def __init__(self, begin: Callable[[Resume], object]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Callable[[Resume], object], T, T]:
        return (yield self._begin)


def run(coroutine: Coroutine[Any, Any, T], on_end: Resume) -> None:
    """Run a coroutine that awaits nothing but `Wait`; `on_end` gets what it returns or raises, maybe at once."""
    _step(coroutine, on_end, None, None)


def _step(coroutine: Coroutine[Any, Any, Any], on_end: Resume, result: Any, error: Exception | None) -> None:
    try:
        begin = coroutine.throw(error) if error else coroutine.send(result)
    except StopIteration as done:
        on_end(done.value, None)
    except Exception as raised:  # noqa: BLE001  what a coroutine raises belongs to whoever ran it
        on_end(None, raised)
    else:
        begin(partial(_step, coroutine, on_end))
