"""What the lint finds, and what it looks at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.brains.document import Command, Document
from app.brains.problems import Problem
from app.brains.program import Program
from app.brains.sandbox.facts import Fact
from app.brains.sandbox.wire import SCRIPT, excerpt

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True)
class Finding(Problem):
    """One thing to look at, found by the rule `code`; an error keeps a draft from being published."""

    code: str = ""
    severity: str = WARNING


@dataclass(frozen=True, slots=True)
class Code:
    """A script or a template with what it says of itself; `path` as in `commands.3.action.source`.

    `command` is the one it runs for; None for a prompt that only scripts ask. `prompt` names the prompt whose part
    it is, if it is.
    """

    path: str
    command: Command | None
    language: str
    text: str
    facts: tuple[Fact, ...]
    prompt: str = ""

    @property
    def is_script(self) -> bool:
        """Whether it is a script."""
        return self.language == SCRIPT

    def of(self, *kinds: str) -> Iterator[Fact]:
        """Go through the facts of some kinds."""
        return (fact for fact in self.facts if fact.kind in kinds)

    def finding(self, code: str, severity: str, fact: Fact, message: str, fix: str) -> Finding:
        """Make a finding at the place of a fact."""
        line = fact.line if fact.kind != "static" else None
        where = [f"Prompt “{self.prompt}”"] if self.prompt else []
        where += [f"Line {line}"] if line else []
        return Finding(
            self.path,
            f"{', '.join(where)}: {message}" if where else message,
            None if self.prompt or not self.command else self.command.id,
            line,
            fact.column,
            fact.end_column,
            fix,
            excerpt(self.text, line),
            code,
            severity,
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """A valid document with what its code says; `codes` holds what can be compiled of the commands that are on."""

    document: Document
    program: Program
    codes: Sequence[Code]
    whole: bool  # whether all code could be read to the end

    @property
    def commands(self) -> Iterator[tuple[int, Command]]:
        """The commands that are switched on, with their places in the document."""
        return ((place, each) for place, each in enumerate(self.document.commands) if each.enabled)

    @property
    def by_command(self) -> Mapping[str, list[Code]]:
        """The code of each command by its id."""
        found: dict[str, list[Code]] = {}
        for code in self.codes:
            if code.command:
                found.setdefault(code.command.id, []).append(code)
        return found


def at_command(  # noqa: PLR0913  a finding's parts
    code: str, severity: str, place: int, command: Command, field: str, message: str, fix: str
) -> Finding:
    """Make a finding at a field of a command."""
    path = f"commands.{place}.{field}"
    return Finding(path, message, command.id, fix=fix, code=code, severity=severity)
