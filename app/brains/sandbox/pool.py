"""Which child serves which owner: bound to one for life, bounded, with warmed and unbound ones in reserve.

One thread of the pool starts zygotes, forks and buries: the signal that ends a process with its parent follows
the *thread* that started it, and none of these jobs belongs on the path of a message.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from app.brains import limits
from app.brains.confined.confine import NAMESPACES, SECCOMP
from app.brains.sandbox.level import Level
from app.brains.sandbox.process import Child
from app.brains.sandbox.zygote import BootFailedError, Terms, Zygote, ZygoteGoneError

_RETRY: Final = 1.0  # seconds
CALLING: Final = 192  # runs that wait for the outside world at once, of all owners
_CALLING_OF_ONE: Final = 64
log = logging.getLogger(__name__)


class Pool:
    """Hands out the children of one flavour of zygote; at most `size` are bound at any time, callers aside."""

    def __init__(self, flavour: str, terms: Terms, clock: Callable[[], float]) -> None:
        self._flavour = flavour
        self._terms = terms
        self._clock = clock
        self._lock = threading.Lock()
        # Two conditions on one lock: giving a child back must not wake the keeper each time.
        self._free = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._ready: deque[Child] = deque()
        self._idle: dict[str, list[Child]] = {}
        self._dead: deque[Child] = deque()
        self._bound = 0
        self._calling: dict[str, int] = {}
        self._closing = False
        self._zygote: Zygote | None = None
        self._gone: list[Zygote] = []
        self._stock = min(terms.size, limits.READY_CHILDREN)
        self.in_force: dict[str, int] | None = None
        self.trouble = ""
        self.peak = 0  # bytes above the zygote, of any child that has ended
        # Rings when a child may have come free: a batch of strict runs sleeps on it beside its sockets.
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.sleepers = 0
        self._keeper = threading.Thread(target=self._keep, name=f"sandbox-{flavour}", daemon=True)
        self._keeper.start()

    @property
    def zygote_pid(self) -> int | None:
        """The process the host started for this pool; None while there is none."""
        return self._zygote.process.pid if self._zygote else None

    def take(self, owner: str, wait: float, *, strict: bool = False) -> Child | None:
        """Return a child for this owner, waiting up to `wait` seconds; None when none came free."""
        with self._lock:
            child = self._try_take(owner, strict=strict)
            if child is None and wait > 0:
                self._work.notify()
                self._free.wait_for(
                    lambda: self._closing or self.trouble or self._can_take(owner, strict=strict), wait
                )
                child = self._try_take(owner, strict=strict)
            return child

    def _can_take(self, owner: str, *, strict: bool) -> bool:
        own = not strict and bool(self._idle.get(owner))
        return own or (bool(self._ready) and (self._bound < self._terms.size or any(self._idle.values())))

    def _try_take(self, owner: str, *, strict: bool) -> Child | None:
        if self._closing or not self._can_take(owner, strict=strict):
            return None
        own = self._idle.get(owner)
        if own and not strict:
            child = own.pop()
            if not own:
                del self._idle[owner]
            return child
        if self._bound >= self._terms.size:
            # The longest idle one makes room; a child never changes its owner.
            self._discard(min((child for idle in self._idle.values() for child in idle), key=_idle_since))
        child = self._ready.popleft()
        child.owner = owner
        self._bound += 1
        if self._wants_more():
            self._work.notify()
        return child

    def give(self, child: Child) -> None:
        """Take back a healthy child; it is replaced after its last run."""
        with self._lock:
            child.idle_since = self._clock()
            keep = not self._closing and child.runs < limits.RUNS_PER_CHILD
            if child.calling and keep and self._bound < self._terms.size:
                self._returned(child)
                self._bound += 1
            if keep and not child.calling:
                self._idle.setdefault(child.owner, []).append(child)
            else:
                self._discard(child)
            self._ring()

    def drop(self, child: Child) -> None:
        """Throw away a child that broke a limit, hung, died, or was for one run only."""
        with self._lock:
            self._discard(child)
            self._ring()

    def lives(self, child: Child) -> bool:
        """Tell whether the zygote that made this child is there; without it a lost child is nobody's fault."""
        with self._lock:
            zygote = self._zygote
            if zygote is None or child.zygote is not zygote:
                return False
            if not zygote.listens:
                self._abandon()
            return self._zygote is not None

    def let_call(self, child: Child) -> bool:
        """Take a child out of the count while it waits for the outside world; false when too many do."""
        with self._lock:
            of_one = self._calling.get(child.owner, 0)
            if of_one >= _CALLING_OF_ONE or sum(self._calling.values()) >= CALLING:
                return False
            self._calling[child.owner] = of_one + 1
            child.calling = True
            self._bound -= 1
            self._ring()
            return True

    def _returned(self, child: Child) -> None:
        child.calling = False
        self._calling[child.owner] -= 1
        if not self._calling[child.owner]:
            del self._calling[child.owner]

    def _discard(self, child: Child) -> None:
        child.kill()
        idle = self._idle.get(child.owner, [])
        if child in idle:
            idle.remove(child)
            if not idle:
                del self._idle[child.owner]
        if child.calling:
            self._returned(child)
        else:
            self._bound -= 1
        self._dead.append(child)
        self._work.notify()

    def _ring(self) -> None:
        """Tell those who wait for a child that one may be there."""
        self._free.notify_all()
        if self.sleepers:
            with suppress(BlockingIOError):
                os.eventfd_write(self.bell, 1)

    def wait_ready(self, wait: float) -> None:
        """Wait until the first zygote is up, or until it is known that none will be."""
        with self._lock:
            self._free.wait_for(lambda: self._closing or self.trouble or self.in_force is not None, wait)

    def close(self) -> None:
        """End every child and the pool's thread."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._free.notify_all()
            self._work.notify()
        self._keeper.join()
        os.close(self.bell)

    def _keep(self) -> None:
        """Run the pool's thread: keep a zygote, refill the reserve, bury, retire the idle."""
        while not self._closing:
            try:
                self._refill()
                self._bury()
            except ZygoteGoneError as error:
                log.warning("sandbox %s: %s", self._flavour, error)
                with self._lock:
                    self._abandon()
            with self._lock:
                if self._zygote and not self._zygote.listens:
                    self._abandon()
                self._retire_idle()
                if not (self._closing or self._dead or self._wants_more()):
                    self._work.wait(_RETRY)
        with self._lock:
            rest = [*self._ready, *(child for idle in self._idle.values() for child in idle), *self._dead]
            self._ready.clear()
            self._idle.clear()
        for child in rest:
            child.kill()
            child.close()
        for zygote in [*self._gone, *([self._zygote] if self._zygote else [])]:
            zygote.close()

    def _wants_more(self) -> bool:
        return not self.trouble and len(self._ready) <= self._stock // 2

    def _refill(self) -> None:
        while self._gone:
            code = self._gone.pop().close()
            log.error("sandbox %s: zygote lost (exit code %s)", self._flavour, code)
        if self._zygote is None and not self._closing:
            self._start()
        wanted = self._stock - len(self._ready)
        if self._zygote is None or wanted <= 0:
            return
        # A few at a time: the first ones may be waited for.
        children = self._zygote.fork(min(wanted, max(1, self._stock // 2)))
        with self._lock:
            self._ready.extend(children)
            self._ring()

    def _bury(self) -> None:
        with self._lock:
            dead = [self._dead.popleft() for _ in range(min(len(self._dead), 16))]
        zygote = self._zygote
        for orphan in [child for child in dead if child.zygote is not zygote]:
            orphan.close()
        own = [child for child in dead if child.zygote is zygote]
        if zygote and own:
            base = zygote.in_force.get("resident", 0)
            self.peak = max([self.peak, *(peak - base for peak in zygote.bury(own))])

    def _retire_idle(self) -> None:
        limit = self._clock() - limits.IDLE_SECONDS
        old = [child for idle in self._idle.values() for child in idle if child.idle_since < limit]
        for child in old:
            self._discard(child)

    def _abandon(self) -> None:
        """Go on without the zygote: the kernel has ended its children, the keeper starts a new one at once."""
        if self._zygote:
            self._gone.append(self._zygote)
        self._zygote = None
        self._dead.extend(self._ready)
        self._ready.clear()
        for child in [child for idle in self._idle.values() for child in idle]:
            self._discard(child)
        self._work.notify()

    def _start(self) -> None:
        terms = self._terms
        try:
            zygote = Zygote.start(terms.entry, self._flavour, terms.layers)
        except (BootFailedError, OSError) as error:
            self._boot_failed(error)
            return
        log.info("sandbox for %ss is up: %s", self._flavour, Level.of(zygote.in_force, tuple(terms.notes)))
        unsafe = not zygote.in_force.get(SECCOMP) and not terms.allow_unsafe
        with self._lock:
            self.in_force = zygote.in_force
            self.trouble = "this machine cannot confine processes (no seccomp)" if unsafe else ""
            self._zygote = None if unsafe else zygote
            self._free.notify_all()
        if unsafe:
            zygote.close()
            self._pause()

    def _boot_failed(self, error: Exception) -> None:
        terms = self._terms
        with self._lock:
            if isinstance(error, BootFailedError) and error.refused and NAMESPACES in terms.layers:
                # The refusing process was the proof; the next one starts without that layer.
                terms.layers -= {NAMESPACES}
                terms.notes.append(str(error))
                log.warning("sandbox goes on without namespaces: %s", error)
                return
            self.trouble = f"no sandbox process could be started: {error}"
            log.error("sandbox: %s", self.trouble)
            self._free.notify_all()
        self._pause()

    def _pause(self) -> None:
        with self._lock:
            self._work.wait_for(lambda: self._closing, _RETRY)


def _idle_since(child: Child) -> float:
    return child.idle_since
