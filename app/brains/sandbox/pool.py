"""Which child serves which brain version: sticky, bounded, with one ready and unbound in reserve.

One thread of the pool starts and buries every process: the signal that ends a child with its parent follows
the *thread* that started it, and neither job belongs on the path of a message.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path

from app.brains import limits
from app.brains.confined.confine import NAMESPACES, SECCOMP
from app.brains.sandbox.process import BootFailedError, Child, start

_RETRY = 1.0  # seconds
log = logging.getLogger(__name__)


class Pool:
    """Hands out children; at most `size` are bound to a version at any time."""

    def __init__(
        self,
        size: int,
        clock: Callable[[], float],
        launcher: Path,
        layers: Collection[str],
        *,
        allow_unsafe: bool,
    ) -> None:
        self._size = size
        self._clock = clock
        self._launcher = launcher
        self._layers = frozenset(layers)
        self._allow_unsafe = allow_unsafe
        self._changed = threading.Condition()
        self._idle: list[Child] = []
        self._bound = 0
        self._spare: Child | None = None
        self._dead: deque[Child] = deque()
        self._closing = False
        self.in_force: dict[str, int] | None = None
        self.trouble = ""
        self.notes: list[str] = []
        self._keeper = threading.Thread(target=self._keep, name="sandbox-keeper", daemon=True)
        self._keeper.start()

    def take(self, version_id: int, wait: float) -> Child | None:
        """Return a child bound to this version, waiting up to `wait` seconds; None when none came free."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self.trouble or self._can_take(version_id), wait)
            return None if self._closing else self._try_take(version_id)

    def _own(self, version_id: int) -> Child | None:
        return next((child for child in self._idle if child.version_id == version_id), None)

    def _can_take(self, version_id: int) -> bool:
        return self._own(version_id) is not None or (
            self._spare is not None and (self._bound < self._size or bool(self._idle))
        )

    def _try_take(self, version_id: int) -> Child | None:
        if own := self._own(version_id):
            self._idle.remove(own)
            return own
        if self._spare is None:
            return None
        if self._bound >= self._size:
            if not self._idle:
                return None
            # The longest idle one makes room; a child never changes its brain.
            self._discard(min(self._idle, key=lambda child: child.idle_since))
        child, self._spare = self._spare, None
        child.version_id = version_id
        self._bound += 1
        self._changed.notify_all()
        return child

    def give(self, child: Child) -> None:
        """Take back a healthy child; it is replaced after its last run."""
        with self._changed:
            child.idle_since = self._clock()
            self._idle.append(child)
            if self._closing or child.runs >= limits.RUNS_PER_CHILD:
                self._discard(child)
            self._changed.notify_all()

    def drop(self, child: Child) -> None:
        """Throw away a child that broke a limit, hung or died."""
        child.kill()
        with self._changed:
            self._discard(child)
            self._changed.notify_all()

    def _discard(self, child: Child) -> None:
        if child in self._idle:
            self._idle.remove(child)
        self._bound -= 1
        self._dead.append(child)

    def wait_ready(self, wait: float) -> None:
        """Wait until the first child is up, or until it is known that none will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self.trouble or self.in_force is not None, wait)

    def close(self) -> None:
        """End every child and the pool's thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._keeper.join()

    def _keep(self) -> None:
        """Run the pool's thread: bury, retire the idle, keep one spare ready."""
        while not self._closing:
            self._bury()
            if self._spare is None and not self._closing:
                self._make_spare()
            with self._changed:
                self._retire_idle()
                if not (self._dead or self._closing or (self._spare is None and not self.trouble)):
                    self._changed.wait(_RETRY)
        with self._changed:
            spare = [self._spare] if self._spare else []
            self._dead.extend([*self._idle, *spare])
            self._idle, self._spare = [], None
        self._bury()

    def _bury(self) -> None:
        while self._dead:
            self._dead.popleft().bury()

    def _retire_idle(self) -> None:
        limit = self._clock() - limits.IDLE_SECONDS
        for child in [child for child in self._idle if child.idle_since < limit]:
            self._discard(child)

    def _make_spare(self) -> None:
        try:
            child = start(self._launcher, self._layers)
        except (BootFailedError, OSError) as error:
            self._boot_failed(error)
            return
        unsafe = not child.in_force.get(SECCOMP) and not self._allow_unsafe
        with self._changed:
            self.in_force = child.in_force
            self.trouble = "this machine cannot confine processes (no seccomp)" if unsafe else ""
            if unsafe:
                self._dead.append(child)
            else:
                self._spare = child
            self._changed.notify_all()

    def _boot_failed(self, error: Exception) -> None:
        with self._changed:
            if isinstance(error, BootFailedError) and error.refused and NAMESPACES in self._layers:
                # The refusing process was the probe; the next one starts without that layer.
                self._layers -= {NAMESPACES}
                self.notes.append(str(error))
                log.warning("sandbox goes on without namespaces: %s", error)
                return
            self.trouble = f"no sandbox process could be started: {error}"
            log.error("sandbox: %s", self.trouble)
            self._changed.notify_all()
            self._changed.wait(_RETRY)
