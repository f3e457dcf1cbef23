"""The sandbox as the rest of the product sees it: run many sources at once, check some, say the level."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from app.brains.confined.confine import LAYERS
from app.brains.sandbox.breaker import Breaker
from app.brains.sandbox.exchange import WAIT_FOR_CHILD, Exchange
from app.brains.sandbox.facts import Fact
from app.brains.sandbox.lanes import Compiled, Task
from app.brains.sandbox.level import Level
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.service import CallService
from app.brains.sandbox.wire import SCRIPT, TEMPLATE, Done, Fault, Job, Source
from app.brains.sandbox.zygote import ENTRY, Terms

STICKY: Final = "sticky"
STRICT: Final = "strict"
_CACHED: Final = 4096  # compiled sources

Result = Done | Fault | Future[Done | Fault]


class Sandbox:
    """Runs operators' scripts and templates in confined processes, `children` owners at once; threads may share it.

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
        self._terms = Terms.of(entry, layers, children, allow_unsafe=allow_unsafe)
        self._breaker = Breaker(clock)
        self._service = CallService(self._breaker, clock)
        self._lock = threading.Lock()
        self._codes: OrderedDict[tuple[str, str], Compiled | Fault] = OrderedDict()
        # Templates and everything that compiles; the lean one for scripts starts with the first script.
        self._template = Pool(TEMPLATE, self._terms, clock)
        self._script: Pool | None = None

    def level(self) -> Level:
        """Say what is in force, once the first zygote has proven it."""
        self._template.wait_ready(WAIT_FOR_CHILD)
        notes = filter(None, (*self._terms.notes, self._template.trouble))
        return Level.of(self._template.in_force or {}, tuple(notes))

    def peak_memory(self) -> int:
        """Return the most memory that any ended child has held above its zygote, bytes."""
        return max(pool.peak for pool in self._pools().values())

    def zygotes(self) -> list[int]:
        """Return the processes that were started for the zygotes."""
        pids = {pool.zygote_pid for pool in self._pools().values()}
        return sorted(pid for pid in pids if pid)

    def close(self) -> None:
        """End all children; later runs answer with a fault."""
        self._service.close()
        for pool in {id(pool): pool for pool in self._pools().values()}.values():
            pool.close()

    def run_many(self, jobs: Sequence[Job]) -> list[Result]:
        """Run all jobs, each owner's in its own process, without waiting for one answer before the next job.

        A run that asks for something goes on in a thread: its place holds a future. Never raises for what
        operators' code does: that is a Fault of that job alone.
        """
        codes = self._compiled(jobs)
        results: dict[int, Result] = {}
        tasks: list[Task] = []
        for number, job in enumerate(jobs):
            code = codes[job.owner, job.source.key]
            if isinstance(code, Fault):
                results[number] = code
            else:
                wanted = job if job.strict or self.mode != STRICT else replace(job, strict=True)
                tasks.append(Task(number, job.owner, job.source, wanted, code.code))
        if tasks:
            pools = self._pools(scripts=any(job.source.language == SCRIPT for job in jobs))
            done = Exchange(self._breaker, self._clock, self._service).run(pools, tasks)
            results.update(cast("Mapping[int, Result]", done))
        return [self._priced(jobs[number], results[number], codes) for number in range(len(jobs))]

    def run(self, job: Job) -> Done | Fault:
        """Run one job and wait for it, its calls included."""
        result = self.run_many([job])[0]
        return result.result() if isinstance(result, Future) else result

    def check(self, owner: str, sources: Sequence[Source]) -> list[Fault | None]:
        """Tell what is wrong with each source without running it; None when it can be compiled."""
        return [code if isinstance(code, Fault) else None for code in self._read(owner, sources)]

    def facts(self, owner: str, sources: Sequence[Source]) -> list[tuple[Fact, ...] | None]:
        """Tell what each source says of itself without running it; None when it cannot be compiled."""
        return [None if isinstance(code, Fault) else code.facts for code in self._read(owner, sources)]

    def _read(self, owner: str, sources: Sequence[Source]) -> list[Compiled | Fault]:
        codes = self._compiled([Job(owner, source, {}) for source in sources])
        return [codes[owner, source.key] for source in sources]

    def _pools(self, *, scripts: bool = False) -> dict[str, Pool]:
        with self._lock:
            if scripts and self._script is None:
                self._script = Pool(SCRIPT, self._terms, self._clock)
            pools = {TEMPLATE: self._template, "compile": self._template}
            return {**pools, SCRIPT: self._script} if self._script else pools

    def _compiled(self, jobs: Sequence[Job]) -> dict[tuple[str, str], Compiled | Fault]:
        """Return the code of every job's source, compiled in a child of its owner when it is not kept.

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
        results = Exchange(self._breaker, self._clock, self._service).run(self._pools(), tasks)
        for number, (name, _) in enumerate(missing):
            result = results[number]
            found[name] = (
                result if isinstance(result, (Compiled, Fault)) else Fault("crash", "Nothing came of it.")
            )
            self._keep(name, found[name])
        return found

    def _keep(self, name: tuple[str, str], code: Compiled | Fault) -> None:
        if isinstance(code, Fault) and code.kind not in {"syntax", "rule", "limit"}:
            return  # not the source's own fault, or not for sure: another try may end otherwise
        with self._lock:
            self._codes[name] = code
            while len(self._codes) > _CACHED:
                self._codes.popitem(last=False)

    def _priced(self, job: Job, result: Result, codes: Mapping[tuple[str, str], Compiled | Fault]) -> Result:
        """Add to a measured run what its source costs."""
        code = codes[job.owner, job.source.key]
        if not job.measure or isinstance(result, Future) or isinstance(code, Fault):
            return result
        usage = {**result.usage, "source": len(job.source.text), "nodes": code.nodes}
        return replace(result, usage=usage)
