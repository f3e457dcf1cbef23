"""Sandbox of this process: runs and checks sources, caches compiled code, reports the isolation level."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from app.brains.confined.confine import LAYERS
from app.brains.sandbox.batch import CHILD_TIMEOUT_S, BatchRunner
from app.brains.sandbox.call_service import CallService
from app.brains.sandbox.circuit_breaker import CircuitBreaker
from app.brains.sandbox.isolation import IsolationLevel
from app.brains.sandbox.lanes import CompiledSource, Task
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.snapshot import SandboxSnapshot
from app.brains.sandbox.source_facts import Fact
from app.brains.sandbox.types import SCRIPT, TEMPLATE, Job, JobResult, RunResult, SandboxError, Source
from app.brains.sandbox.zygote import ENTRY, ZygoteOptions

STICKY: Final = "sticky"
STRICT: Final = "strict"
_CACHE_SIZE: Final = 4096  # compiled sources


class Sandbox:
    """Sandbox for operators' code: `children` owners at once in confined processes; threads may share it.

    `mode` is sticky (a process serves one owner for a while) or strict (one process, one run). Below seccomp
    nothing runs unless `allow_unsafe` is given. `entry` and `layers` are there to try the layers one by one.
    """

    def __init__(  # noqa: PLR0913  an installation's choices
        self,
        children: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        mode: str = STICKY,
        allow_unsafe: bool = False,
        entry: Path = ENTRY,
        layers: Collection[str] = LAYERS,
    ) -> None:
        self.mode = mode
        self._clock = clock
        self._options = ZygoteOptions.build(entry, layers, children, allow_unsafe=allow_unsafe)
        self._breaker = CircuitBreaker(clock)
        self._service = CallService(self._breaker, clock)
        self._lock = threading.Lock()
        self._codes: OrderedDict[tuple[str, str], CompiledSource | SandboxError] = OrderedDict()
        # Templates and everything that compiles; the lean one for scripts starts with the first script.
        self._template = Pool(TEMPLATE, self._options, clock)
        self._script: Pool | None = None

    def get_level(self) -> IsolationLevel:
        """Return the isolation level in force, once the first zygote has proven it."""
        self._template.wait_ready(CHILD_TIMEOUT_S)
        notes = filter(None, (*self._options.notes, self._template.unavailable_reason))
        return IsolationLevel.from_layers(self._template.in_force or {}, tuple(notes))

    def get_peak_memory(self) -> int:
        """Return the largest memory of any ended child above its zygote's (bytes)."""
        return max(pool.peak for pool in self._get_pools().values())

    def list_zygote_pids(self) -> list[int]:
        """Return the process ids of the zygotes."""
        pids = {pool.zygote_pid for pool in self._get_pools().values()}
        return sorted(pid for pid in pids if pid)

    def snapshot(self) -> SandboxSnapshot:
        """Return the current processes and compiled sources."""
        pools = {name: pool.snapshot() for name, pool in self._get_pools().items() if name != "compile"}
        with self._lock:
            return SandboxSnapshot(pools, dict(self._codes))

    def close(self) -> None:
        """End all children; later runs answer with an error."""
        self._service.close()
        for pool in {id(pool): pool for pool in self._get_pools().values()}.values():
            pool.close()

    def run_many(self, jobs: Sequence[Job]) -> list[JobResult]:
        """Run all jobs concurrently, each owner's in its own process.

        A run that asks for something goes on in a thread: its place holds a future. Never raises for what
        operators' code does: that is a SandboxError of that job alone.
        """
        codes = self._compile(jobs)
        results: dict[int, JobResult] = {}
        tasks: list[Task] = []
        for number, job in enumerate(jobs):
            code = codes[job.owner, job.source.key]
            if isinstance(code, SandboxError):
                results[number] = code
            else:
                wanted = job if job.strict or self.mode != STRICT else replace(job, strict=True)
                tasks.append(Task(number, job.owner, job.source, wanted, code.code))
        if tasks:
            pools = self._get_pools(scripts=any(job.source.language == SCRIPT for job in jobs))
            results.update(self._run_suspects(pools, tasks))
            others = [task for task in tasks if task.number not in results]
            done = BatchRunner(self._breaker, self._clock, self._service).run(pools, others)
            results.update(cast("Mapping[int, JobResult]", done))
        return [self._add_source_usage(jobs[number], results[number], codes) for number in range(len(jobs))]

    def _run_suspects(
        self, pools: Mapping[str, Pool], tasks: Sequence[Task]
    ) -> dict[int, Future[RunResult | SandboxError]]:
        """Run each task of a suspect person in a thread: the batch does not wait for it."""

        def run_one(task: Task) -> RunResult | SandboxError:
            done = BatchRunner(self._breaker, self._clock, self._service).run(pools, [task])[task.number]
            result = done.result() if isinstance(done, Future) else done
            return cast("RunResult | SandboxError", result)

        return {
            task.number: self._service.submit(run_one, task)
            for task in tasks
            if task.job and task.job.may_detach and self._breaker.is_suspect(task.owner, task.party)
        }

    def run(self, job: Job) -> RunResult | SandboxError:
        """Run one job and wait for it, its calls included."""
        result = self.run_many([job])[0]
        return result.result() if isinstance(result, Future) else result

    def check(self, owner: str, sources: Sequence[Source]) -> list[SandboxError | None]:
        """Return the error of each source without running it; None when it compiles."""
        return [
            code if isinstance(code, SandboxError) else None for code in self._compile_sources(owner, sources)
        ]

    def read_facts(self, owner: str, sources: Sequence[Source]) -> list[tuple[Fact, ...] | None]:
        """Return the facts of each source without running it; None when it does not compile."""
        return [
            None if isinstance(code, SandboxError) else code.facts
            for code in self._compile_sources(owner, sources)
        ]

    def _compile_sources(self, owner: str, sources: Sequence[Source]) -> list[CompiledSource | SandboxError]:
        codes = self._compile([Job(owner, source, {}) for source in sources])
        return [codes[owner, source.key] for source in sources]

    def _get_pools(self, *, scripts: bool = False) -> dict[str, Pool]:
        with self._lock:
            if scripts and self._script is None:
                self._script = Pool(SCRIPT, self._options, self._clock)
            pools = {TEMPLATE: self._template, "compile": self._template}
            return {**pools, SCRIPT: self._script} if self._script else pools

    def _compile(self, jobs: Sequence[Job]) -> dict[tuple[str, str], CompiledSource | SandboxError]:
        """Return the code of every job's source, compiled in a child of its owner when not cached.

        Kept by owner: what a child of one brain gave must never run for another.
        """
        wanted = {(job.owner, job.source.key): job for job in jobs}
        with self._lock:
            found = {name: self._codes[name] for name in wanted if name in self._codes}
            for name in found:
                self._codes.move_to_end(name)
        missing = [(name, job) for name, job in wanted.items() if name not in found]
        if not missing:
            return found
        tasks = [Task(number, job.owner, job.source) for number, (_, job) in enumerate(missing)]
        results = BatchRunner(self._breaker, self._clock, self._service).run(self._get_pools(), tasks)
        for number, (name, _) in enumerate(missing):
            result = results[number]
            found[name] = (
                result
                if isinstance(result, (CompiledSource, SandboxError))
                else SandboxError("crash", "Nothing came of it.")
            )
            self._cache_code(name, found[name])
        return found

    def _cache_code(self, name: tuple[str, str], code: CompiledSource | SandboxError) -> None:
        if isinstance(code, SandboxError) and code.kind not in {"syntax", "rule", "limit"}:
            return  # not the source's own fault, or not for sure: another try may end otherwise
        with self._lock:
            self._codes[name] = code
            while len(self._codes) > _CACHE_SIZE:
                self._codes.popitem(last=False)

    def _add_source_usage(
        self, job: Job, result: JobResult, codes: Mapping[tuple[str, str], CompiledSource | SandboxError]
    ) -> JobResult:
        """Add the cost of its source to a measured run."""
        code = codes[job.owner, job.source.key]
        if not job.measure or isinstance(result, Future) or isinstance(code, SandboxError):
            return result
        usage = {**result.usage, "source": len(job.source.text), "nodes": code.nodes}
        return replace(result, usage=usage)
