"""Interface of a sandbox language, its errors, and the output of a run."""

from __future__ import annotations

from .. import limits  # noqa: TID252  the package has another name in the child

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    class Language(Protocol):
        """Loads and runs compiled sources of one kind; `effects` are those of the latest run."""

        name: str
        file: str
        output: Output
        effects: list[Any]

        def load(self, code: bytes) -> Any:
            """Make compiled code ready to run."""
            ...

        def run(
            self, runnable: Any, data: Mapping[str, Any], call: Callable[[str, Any], Any]
        ) -> dict[str, Any]:
            """Run once on fresh data; raises whatever the operator's code raises."""
            ...

        def warm_up(self) -> list[tuple[bytes, dict[str, Any]]]:
            """Return harmless compiled code with data, which touches all that is loaded lazily."""
            ...

    class Compiler(Protocol):
        """Compiles sources of one kind; `facts` are those of the source compiled last."""

        name: str
        file: str
        facts: Any

        def compile(self, source: str) -> tuple[bytes, int]:
            """Return marshalled code and the number of syntax nodes; raises LanguageError."""
            ...

        def warm_up(self) -> list[str]:
            """Return harmless sources, which touch all that is loaded lazily."""
            ...


class OutOfTimeError(BaseException):
    """Soft time limit; not an Exception, so that no handler swallows it."""


class TooManyCallsError(BaseException):
    """Call after call beyond the limit; not an Exception, so that it ends the run."""


class LimitReachedError(Exception):
    """Request beyond a limit; the text names it."""


class CallError(Exception):
    """Refusal of a call by the host; scripts may catch it."""


class LanguageError(Exception):
    """Source that cannot be compiled; `kind` is syntax, rule or limit, `code` names the rule.

    Columns count characters from 1, the second stands behind the last character.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        line: int | None = None,
        columns: tuple[int, int] | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.line = line
        self.columns = columns
        self.code = code


class Output:
    """Printed text of a run, up to the limit."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.size = 0

    def write(self, text: str) -> None:
        """Add a text; raises LimitReachedError beyond the limit."""
        self.size += len(text)
        if self.size > limits.OUTPUT_CHARS:
            raise LimitReachedError(f"The printed text grew beyond {limits.OUTPUT_CHARS:,} characters.")
        self._pieces.append(text)

    def clear(self) -> None:
        """Delete the text before a new run."""
        self._pieces.clear()
        self.size = 0

    @property
    def text(self) -> str:
        """The text printed so far."""
        return "".join(self._pieces)
