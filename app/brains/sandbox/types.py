"""Jobs, results and errors of the sandbox, and the interface other packages use it by."""

import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, Protocol, Self

from app.brains.sandbox.source_facts import Fact
from app.immutable import immutable

SCRIPT: Final = "script"
TEMPLATE: Final = "template"

Call = Callable[[str, Mapping[str, Any]], Any]

# Compiled code belongs to one interpreter; a cache that outlives the process would need this too.
_MAGIC = f"{sys.implementation.cache_tag} {sys.hexversion}"


@immutable
class Source:
    """Script or template; `key` is equal for equal texts."""

    language: str
    text: str
    key: str

    @classmethod
    def from_text(cls, language: str, text: str) -> Self:
        """Return the source of a text, with its key."""
        return cls(language, text, compute_source_key(language, text))


@lru_cache(4096)
def compute_source_key(language: str, text: str) -> str:
    """Return the SHA-256 of language, text and interpreter."""
    return hashlib.sha256(f"{_MAGIC}\0{language}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


@immutable
class Job:
    """Run of one source for one owner; two owners never share a process.

    `call` answers what a script asks for while it runs; without it every call is refused. `strict` asks for a
    process of its own, `measure` for memory and depth in the usage. `party` is the person or chat it runs for, and
    `command` the name to be told when it is held; with `may_detach` its result may be a future.
    """

    owner: str
    source: Source
    data: Mapping[str, Any]
    call: Call | None = None
    strict: bool = False
    measure: bool = False
    party: str = ""
    command: str = ""
    may_detach: bool = False


@immutable
class RunResult:
    """Result of a run: {"text"} of a template, {"fx", "ret", "reads"} of a script; not validated.

    `is_filled`: the text was filled without a sandbox process (app.brains.text_fill).
    """

    data: Mapping[str, Any]
    output: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    micros: int = 0
    is_filled: bool = False


@immutable
class SandboxError:
    """Error of a run, in plain words with its position; columns count from 1.

    `kind`: syntax | rule | error | time | memory | limit | crash | call | sandbox (could not even begin).
    `fx` are the effects until then, for the eye only.
    """

    kind: str
    message: str
    fix: str = ""
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    excerpt: tuple[str, ...] = ()
    output: str = ""
    fx: tuple[Any, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    micros: int = 0


# A future stands for a run that waits for an answer to a call, and goes on by itself.
JobResult = RunResult | SandboxError | Future[RunResult | SandboxError]


class SandboxPort(Protocol):
    """Interface of the sandbox; `owner` names whose code it is."""

    def run_many(self, jobs: Sequence[Job]) -> list[JobResult]:
        """Run all jobs at once and return their results in the same order."""
        ...

    def run(self, job: Job) -> RunResult | SandboxError:
        """Run one job and wait for it, its calls included."""
        ...

    def check(self, owner: str, sources: Sequence[Source]) -> Sequence[SandboxError | None]:
        """Return the error of each source, without running it; None when it compiles."""
        ...

    def read_facts(self, owner: str, sources: Sequence[Source]) -> Sequence[tuple[Fact, ...] | None]:
        """Return the facts of each source, without running it; None when it does not compile."""
        ...


def build_excerpt(text: str, line: int | None) -> tuple[str, ...]:
    """Return the line with its neighbours, each numbered: three lines in all."""
    # As Python and the browser count: a form feed or a line separator ends no line.
    lines = re.split("\r\n|\r|\n", text)
    if line is None or not 1 <= line <= len(lines):
        return ()
    around = range(max(1, line - 1), min(len(lines), line + 1) + 1)
    return tuple(f"{number}: {lines[number - 1][:200]}" for number in around)
