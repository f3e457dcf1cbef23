"""Types of the lint: finding, code with its facts, draft."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from app.brains.document.schema import Command, Document
from app.brains.document.validation import ValidationProblem
from app.brains.runtime.program import Program
from app.brains.sandbox.source_facts import Fact
from app.brains.sandbox.types import SCRIPT, build_excerpt
from app.immutable import immutable

ERROR: Final = "error"
WARNING: Final = "warning"


@immutable
class Finding(ValidationProblem):
    """Finding of the rule `code`; an error prevents publishing."""

    code: str = ""
    severity: str = WARNING


@immutable
class Code:
    """Script or template with its facts; `path` as in `commands.3.action.source`.

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

    def list_facts(self, *kinds: str) -> Iterator[Fact]:
        """Return the facts of some kinds."""
        return (fact for fact in self.facts if fact.kind in kinds)

    def build_finding(self, code: str, severity: str, fact: Fact, message: str, fix: str) -> Finding:
        """Build a finding at the position of a fact."""
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
            build_excerpt(self.text, line),
            code,
            severity,
        )


@immutable
class Draft:
    """Valid document with its facts; `codes` holds the compilable code of the commands that are on."""

    document: Document
    program: Program
    codes: Sequence[Code]
    whole: bool  # whether all code could be read to the end

    @property
    def commands(self) -> Iterator[tuple[int, Command]]:
        """The commands that are switched on, with their positions in the document."""
        return ((place, each) for place, each in enumerate(self.document.commands) if each.enabled)

    @property
    def codes_by_command(self) -> Mapping[str, list[Code]]:
        """The code of each command by its id."""
        found: dict[str, list[Code]] = {}
        for code in self.codes:
            if code.command:
                found.setdefault(code.command.id, []).append(code)
        return found


def build_command_finding(  # noqa: PLR0913  a finding's parts
    code: str, severity: str, place: int, command: Command, field: str, message: str, fix: str
) -> Finding:
    """Build a finding at a field of a command."""
    path = f"commands.{place}.{field}"
    return Finding(path, message, command.id, fix=fix, code=code, severity=severity)
