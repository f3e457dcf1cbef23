"""The sandbox as the rest of the product sees it: render many templates at once, check one, say the level."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.brains.confined.confine import LANDLOCK, LAYERS, NAMESPACES, SECCOMP
from app.brains.sandbox.breaker import Breaker
from app.brains.sandbox.exchange import WAIT_FOR_CHILD, Exchange
from app.brains.sandbox.pool import Pool
from app.brains.sandbox.process import CHILD
from app.brains.sandbox.wire import Rendered, RenderError, RenderJob

_CHECKS = 0  # checks have no brain: they share the children of version 0


@dataclass(frozen=True, slots=True)
class Level:
    """How far children are confined: full, hardened, basic or none, with the reasons for what is missing."""

    name: str
    namespaces: bool
    landlock: int  # ABI, 0 = none
    seccomp: bool
    notes: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether templates may be rendered without the installation's unsafe flag."""
        return self.seccomp

    def __str__(self) -> str:
        parts = {
            "namespaces": self.namespaces,
            f"Landlock {self.landlock}": self.landlock,
            "seccomp": self.seccomp,
        }
        found = ", ".join(name for name, there in parts.items() if there) or "limits only"
        return "; ".join([f"{self.name} ({found})", *self.notes])


class Sandbox:
    """Renders templates in confined processes, `children` brains at once; threads may share it.

    Below seccomp nothing is rendered unless `allow_unsafe` is given. `launcher` and `layers` are there to try
    the layers one by one.
    """

    def __init__(
        self,
        children: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        allow_unsafe: bool = False,
        launcher: Path = CHILD,
        layers: Collection[str] = LAYERS,
    ) -> None:
        self._clock = clock
        self._pool = Pool(children, clock, launcher, layers, allow_unsafe=allow_unsafe)
        self._breaker = Breaker(clock)

    def level(self) -> Level:
        """Say what is in force, once the first child has proven it."""
        self._pool.wait_ready(WAIT_FOR_CHILD)
        found = self._pool.in_force or {}
        namespaces, landlock, seccomp = (int(found.get(name, 0)) for name in (NAMESPACES, LANDLOCK, SECCOMP))
        confined = "full" if namespaces else "hardened"
        name = "none" if not seccomp else confined if landlock else "basic"
        notes = filter(None, (*self._pool.notes, self._pool.trouble))
        return Level(name, bool(namespaces), landlock, bool(seccomp), tuple(notes))

    def close(self) -> None:
        """End all children; later renders answer with an error."""
        self._pool.close()

    def check_template(self, source: str) -> RenderError | None:
        """Tell what is wrong with a template without running it; None when it can be read."""
        return self.check_templates([source])[0]

    def check_templates(self, sources: Sequence[str]) -> list[RenderError | None]:
        """Check many templates at once."""
        results = self.render_many([RenderJob(_CHECKS, source, None) for source in sources])
        return [result if isinstance(result, RenderError) else None for result in results]

    def render_many(self, jobs: Sequence[RenderJob]) -> list[Rendered | RenderError]:
        """Render all jobs, each version in its own child, without waiting for one answer before the next job.

        Never raises for what a template does: a time-out, crash or error is a RenderError for that job alone.
        """
        return Exchange(self._pool, self._breaker, self._clock).run(jobs)
