"""Pool of sandbox processes of one language: each bound to one owner, reserve, number of calls at once.

One thread starts zygotes, forks and reaps: the signal that ends a process with its parent follows the *thread* that
started it, and none of these jobs belongs on the path of a message.
"""

import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Final

from app.brains import limits
from app.brains.confined.confine import NAMESPACES, SECCOMP
from app.brains.sandbox.isolation import IsolationLevel
from app.brains.sandbox.process import Child, Reserve
from app.brains.sandbox.snapshot import PoolSnapshot
from app.brains.sandbox.zygote import BootFailedError, Zygote, ZygoteGoneError, ZygoteOptions

_RETRY_S: Final = 1.0  # seconds
log = logging.getLogger(__name__)


class Pool:
    """Pool of children of one flavour of zygote; at most `size` are bound at once, those in calls excluded."""

    def __init__(self, flavour: str, options: ZygoteOptions, clock: Callable[[], float]) -> None:
        self._flavour = flavour
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        # Two conditions on one lock: giving a child back must not wake the keeper each time.
        self._free = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._ready = Reserve(options.size, clock)
        self._idle: dict[str, list[Child]] = {}
        self._dead: deque[Child] = deque()
        self._bound = 0
        self._calling: Counter[str] = Counter()
        self._suspects: set[Child] = set()
        self._closing = False
        self._zygote: Zygote | None = None
        self._gone: list[Zygote] = []
        self.in_force: dict[str, int] | None = None
        self.unavailable_reason = ""
        self.peak = 0  # bytes above the zygote, of any child that has ended
        # Rings when a child may have come free: a batch of strict runs sleeps on it beside its sockets.
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.waiter_count = 0
        self._keeper = threading.Thread(target=self._run_keeper, name=f"sandbox-{flavour}", daemon=True)
        self._keeper.start()

    @property
    def zygote_pid(self) -> int | None:
        """Process id of this pool's zygote; None while there is none."""
        return self._zygote.process.pid if self._zygote else None

    def snapshot(self) -> PoolSnapshot:
        """Return the current children."""
        with self._lock:
            idle = {owner: tuple(map(Child.snapshot, children)) for owner, children in self._idle.items()}
            layers = dict(self.in_force or {})
            return PoolSnapshot(idle, self._bound, dict(self._calling), self.zygote_pid, layers)

    def acquire(self, owner: str, wait: float, *, strict: bool, suspect: bool = False) -> Child | None:
        """Return a child within `wait` seconds, or None; suspect runs leave most children to the others."""
        can = partial(self._can_acquire, owner, strict=strict, suspect=suspect)
        with self._lock:
            if wait > 0 and not can():
                self._work.notify()
                self._free.wait_for(lambda: self._closing or self.unavailable_reason or can(), wait)
            child = None if self._closing or not can() else self._take_child(owner, strict=strict)
            self._suspects |= {child} if child and suspect else set()
            return child

    def _can_acquire(self, owner: str, *, strict: bool, suspect: bool) -> bool:
        if suspect and len(self._suspects) >= max(1, self._options.size // limits.SUSPECT_SHARE):
            return False
        own = not strict and bool(self._idle.get(owner))
        return own or (bool(self._ready) and (self._bound < self._options.size or any(self._idle.values())))

    def _take_child(self, owner: str, *, strict: bool) -> Child:
        own = self._idle.get(owner)
        if own and not strict:
            return self._forget_idle(own[-1])
        if self._bound >= self._options.size:
            # The longest idle one makes room; a child never changes its owner.
            self._discard(min(self._list_idle(), key=attrgetter("idle_since")))
        child = self._ready.take()
        child.owner = owner
        self._bound += 1
        if self._needs_more():
            self._work.notify()
        return child

    def _list_idle(self) -> list[Child]:
        return [child for idle in self._idle.values() for child in idle]

    def _forget_idle(self, child: Child) -> Child:
        self._idle[child.owner].remove(child)
        if not self._idle[child.owner]:
            del self._idle[child.owner]
        return child

    def release(self, child: Child) -> None:
        """Return a healthy child to the pool; it is replaced after its last run."""
        with self._lock:
            child.idle_since = self._clock()
            self._suspects.discard(child)
            keep = not self._closing and child.runs < limits.RUNS_PER_CHILD
            if child.calling and keep and self._bound < self._options.size:
                child.calling = False
                self._calling -= Counter([child.owner])
                self._bound += 1
            if keep and not child.calling:
                self._idle.setdefault(child.owner, []).append(child)
            else:
                self._discard(child)
            self._notify_waiters()

    def drop(self, child: Child) -> None:
        """Discard a child that exceeded a limit, hung, died, or was for one run only."""
        with self._lock:
            self._discard(child)
            self._notify_waiters()

    def is_zygote_alive(self, child: Child) -> bool:
        """Tell whether the zygote of this child is alive; without it a lost child is nobody's fault."""
        zygote = self._zygote
        is_lost = zygote is None or zygote.wait_closed()
        with self._lock:
            if not (child.zygote is zygote is self._zygote):
                return False
            if is_lost:
                self._abandon_zygote()
            return not is_lost

    def begin_call(self, child: Child) -> bool:
        """Exclude a child from the bound ones while it waits for a call; return false when too many do."""
        with self._lock:
            if self._calling[child.owner] >= limits.OWNER_CALLING or self._calling.total() >= limits.CALLING:
                return False
            self._suspects.discard(child)
            self._calling[child.owner] += 1
            child.calling = True
            self._bound -= 1
            self._notify_waiters()
            return True

    def _discard(self, child: Child) -> None:
        child.kill()
        self._suspects.discard(child)
        if child in self._idle.get(child.owner, ()):
            self._forget_idle(child)
        if child.calling:
            child.calling = False
            self._calling -= Counter([child.owner])
        else:
            self._bound -= 1
        self._dead.append(child)
        self._work.notify()

    def _notify_waiters(self) -> None:
        """Wake threads that wait for a child."""
        self._free.notify_all()
        if self.waiter_count:
            with suppress(BlockingIOError):
                os.eventfd_write(self.wake_fd, 1)

    def wait_ready(self, wait: float) -> None:
        """Wait until the first zygote is ready, or is known to fail."""
        with self._lock:
            self._free.wait_for(
                lambda: self._closing or self.unavailable_reason or self.in_force is not None, wait
            )

    def close(self) -> None:
        """End every child and the pool's thread."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._free.notify_all()
            self._work.notify()
        self._keeper.join()
        os.close(self.wake_fd)

    def _run_keeper(self) -> None:
        """Run the pool's thread: keep a zygote, refill the reserve, reap, retire idle and surplus children."""
        while not self._closing:
            try:
                self._refill()
                self._reap()
            except ZygoteGoneError as error:
                log.warning("sandbox %s: %s", self._flavour, error)
                with self._lock:
                    self._abandon_zygote()
            with self._lock:
                if self._zygote and not self._zygote.is_listening:
                    self._abandon_zygote()
                self._retire_idle()
                if not (self._closing or self._dead or self._needs_more()):
                    self._work.wait(_RETRY_S)
        with self._lock:
            rest = [*self._ready.take_all(), *self._list_idle(), *self._dead]
            self._idle.clear()
        for child in rest:
            child.kill()
            child.close()
        for zygote in [*self._gone, *([self._zygote] if self._zygote else [])]:
            zygote.close()

    def _needs_more(self) -> bool:
        return not self.unavailable_reason and self._ready.is_low

    def _refill(self) -> None:
        while self._gone:
            code = self._gone.pop().close()
            log.error("sandbox %s: zygote lost (exit code %s)", self._flavour, code)
        if self._zygote is None and not self._closing:
            self._start()
        wanted = self._ready.wanted
        if self._zygote is None or not wanted:
            return
        children = self._zygote.fork(wanted)
        with self._lock:
            self._ready.add(children)
            self._notify_waiters()

    def _reap(self) -> None:
        with self._lock:
            dead = [self._dead.popleft() for _ in range(min(len(self._dead), 16))]
        zygote = self._zygote
        for orphan in [child for child in dead if child.zygote is not zygote]:
            orphan.close()
        own = [child for child in dead if child.zygote is zygote]
        if zygote and own:
            base = zygote.in_force.get("resident", 0)
            self.peak = max([self.peak, *(peak - base for peak in zygote.reap(own))])

    def _retire_idle(self) -> None:
        limit = self._clock() - limits.IDLE_SECONDS
        for child in self._list_idle():
            if child.idle_since < limit:
                self._discard(child)
        for child in self._ready.take_surplus():
            child.kill()
            self._dead.append(child)

    def _abandon_zygote(self) -> None:
        """Drop a lost zygote: the kernel has ended its children, the keeper starts a new one at once."""
        if self._zygote:
            self._gone.append(self._zygote)
        self._zygote = None
        self._dead.extend(self._ready.take_all())
        for child in self._list_idle():
            self._discard(child)
        self._work.notify()

    def _start(self) -> None:
        options = self._options
        try:
            zygote = Zygote.start(options.entry, self._flavour, options.layers)
        except (BootFailedError, OSError) as error:
            self._handle_boot_failure(error)
            return
        level = IsolationLevel.from_layers(zygote.in_force, tuple(options.notes))
        log.info("sandbox for %ss is up: %s", self._flavour, level)
        unsafe = not zygote.in_force.get(SECCOMP) and not options.allow_unsafe
        with self._lock:
            self.in_force = zygote.in_force
            self.unavailable_reason = "this machine cannot confine processes (no seccomp)" if unsafe else ""
            self._zygote = None if unsafe else zygote
            self._free.notify_all()
        if unsafe:
            zygote.close()
            self._pause()

    def _handle_boot_failure(self, error: Exception) -> None:
        with self._lock:
            if isinstance(error, BootFailedError) and error.refused and NAMESPACES in self._options.layers:
                # The refusing process was the proof; the next one starts without that layer.
                self._options.layers -= {NAMESPACES}
                self._options.notes.append(str(error))
                log.warning("sandbox goes on without namespaces: %s", error)
                return
            self.unavailable_reason = f"no sandbox process could be started: {error}"
            log.error("sandbox: %s", self.unavailable_reason)
            self._free.notify_all()
        self._pause()

    def _pause(self) -> None:
        with self._lock:
            self._work.wait_for(lambda: self._closing, _RETRY_S)
