"""Type of a maintenance job (default interval, first run delay), found in every `jobs` package under `app`."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import ColumnElement, ScalarSelect, case

from app.clock import HOUR_MS
from app.db.writer import Database
from app.immutable import immutable

log = structlog.get_logger(__name__)

T = TypeVar("T")

# A periodic job runs first this long (ms) after the start of its worker: messages come before.
FIRST_RUN_DELAY_MS: Final = 60_000


@immutable
class JobContext:
    """What a job works with: the database, and the moment (ms) of this run."""

    database: Database
    now: int


# True: there may be more to do. A future: it goes on by itself, and is not begun again before it has ended.
JobResult = Future[Any] | bool | None


def log_error(error: Exception) -> None:
    """Log why a job failed, with its traceback."""
    log.error("maintenance job failed", exc_info=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceJob:
    """A job of every worker; `run` must be safe beside the same job of another worker.

    `due` is a scalar SQL expression: the moment (ms) from which there is something to do, null = nothing. Without it
    the job runs every `interval_ms`. While there is more to do it runs again after `pause_ms`, by default at the next
    sweep. What waits for the network or the sandbox has a thread of its own (`own_thread`, polled by `interval_ms`).
    `on_error` writes down why a run broke off; the next run takes up what is left.
    """

    name: str
    run: Callable[[JobContext], JobResult]
    due: ColumnElement[int] | ScalarSelect[int] | None = None
    interval_ms: int = HOUR_MS
    pause_ms: int | None = None
    own_thread: bool = False
    on_error: Callable[[Exception], None] = log_error


def build_due_condition(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Return a `due` column for work that has no moment of its own: due as long as a condition holds."""
    return case((condition, 0))


@immutable
class JobResources:
    """What jobs of a process are built from: its database, its clock (ms), and one object of each class in `makers`."""

    database: Database
    clock: Callable[[], int]
    makers: Mapping[type[Any], Callable[[], Any]] = field(default_factory=dict)

    def get(self, kind: type[T]) -> T:
        """Return the process's object of a class; raises LookupError for a class that jobs are not given."""
        make = self.makers.get(kind)
        if make is None:
            raise LookupError(f"jobs are not given a {kind.__name__}")
        return make()


def find_jobs(package: ModuleType, resources: JobResources | None = None) -> Iterator[MaintenanceJob]:
    """Return the job of each module of a package, by name of module: its `JOB`, else what its `build_job` makes.

    Raises LookupError for a module with neither, or one that needs resources when there are none.
    """
    for found in sorted(iter_modules(package.__path__), key=lambda each: each.name):
        module = import_module(f"{package.__name__}.{found.name}")
        if hasattr(module, "JOB"):
            yield module.JOB
        elif resources is None or not hasattr(module, "build_job"):
            raise LookupError(f"{module.__name__} has no JOB, and no build_job that could make one here")
        else:
            yield module.build_job(resources)


def find_all_jobs(root: str, resources: JobResources) -> Iterator[MaintenanceJob]:
    """Return the jobs of every package called jobs below the package `root`, by their paths."""
    for folder in map(Path, import_module(root).__path__):
        for init in sorted(folder.rglob("jobs/__init__.py")):
            name = ".".join((root, *init.parent.relative_to(folder).parts))
            yield from find_jobs(import_module(name), resources)
