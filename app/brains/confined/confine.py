"""Confinement of a sandbox process: namespaces, Landlock, capabilities, rlimits, seccomp, in this order."""

import ctypes
import os
import resource
import sys
from collections.abc import Collection
from typing import Final

from .. import limits  # noqa: TID252  the package has another name in the child
from . import seccomp

NAMESPACES, LANDLOCK, SECCOMP = "namespaces", "landlock", "seccomp"
LAYERS: Final = frozenset({NAMESPACES, LANDLOCK, SECCOMP})

# user, mount, network, IPC, UTS and process namespaces.
_CLONE_NEW = 0x10000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x20000000
_MS_PRIVATE_RECURSIVE = 0x4000 | 0x40000
_MS_EMPTY_ROOT = 0x2 | 0x4 | 0x8  # nosuid, nodev, noexec
_MS_REMOUNT_READ_ONLY = 0x20 | 0x1 | _MS_EMPTY_ROOT
_MNT_DETACH = 2
_MOUNT_POINT = b"/tmp"
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SIGKILL = 9
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_SET_MODE_FILTER = 1
# pivot_root, capset, seccomp; the Landlock calls have the same numbers everywhere.
_NUMBERS = {"x86_64": (155, 126, 317), "aarch64": (41, 91, 277)}
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
# How many rights each Landlock ABI knows: file system (from 1), network (from 4), scopes (from 6).
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FS_RIGHTS_NOW = 16
_MOST_DESCRIPTORS = 1024
# Also bounds the descriptors its user has on their way through sockets, of all processes (ETOOMANYREFS).
_ZYGOTE_DESCRIPTORS = 1024


class StepFailedError(Exception):
    """Confinement step that was begun and failed: the process must not go on."""


class _Kernel:
    """System calls through ctypes; every failure is an OSError."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.machine = os.uname().machine
        self.pivot_root, self.capset, self.seccomp = _NUMBERS.get(self.machine, (-1, -1, -1))

    def call(self, name: str, *args: object) -> int:
        ctypes.set_errno(0)
        result = getattr(self._libc, name)(*args)
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


class Confinement:
    """Layers of a zygote and of the children it forks, applied in this order: enter, seal, seal_child."""

    def __init__(self, layers: Collection[str]) -> None:
        self._layers = frozenset(layers)
        self._kernel = _Kernel()
        self._table = seccomp.TABLES.get(self._kernel.machine) if SECCOMP in self._layers else None
        self._memory = self._resident = 0

    def enter(self) -> None:
        """Enter new namespaces; the next fork is process 1 of its own. Raises StepFailedError."""
        os.closerange(1, _MOST_DESCRIPTORS)
        if NAMESPACES not in self._layers:
            self._die_with_parent()
            return
        uid, gid = os.getuid(), os.getgid()
        try:
            self._kernel.call("unshare", _CLONE_NEW)
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"0 {uid} 1")
            _write("/proc/self/gid_map", f"0 {gid} 1")
        except OSError as error:
            raise StepFailedError(f"{NAMESPACES}: {error.strerror}") from error
        self._die_with_parent()
        process = os.fork()
        if process:
            # Only waits, so that the host sees the end of what it started; the socket is the zygote's alone.
            os.close(0)
            _, status = os.waitpid(process, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        self._die_with_parent()

    def seal(self) -> dict[str, int]:
        """Confine the zygote; return the layers in force, `landlock` as the ABI (0 = none), `memory` in bytes.

        Raises StepFailedError for a layer begun in vain.
        """
        size, resident, *_ = (
            int(pages) * resource.getpagesize() for pages in _read("/proc/self/statm").split()
        )
        self._memory, self._resident = size, resident
        if NAMESPACES in self._layers:
            self._leave_files()
        self._kernel.call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
        self._kernel.call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        landlock = self._deny_files() if LANDLOCK in self._layers else 0
        self._drop_capabilities()
        _limit(RLIMIT_NOFILE=_ZYGOTE_DESCRIPTORS, RLIMIT_FSIZE=0, RLIMIT_CORE=0, RLIMIT_MEMLOCK=0)
        if self._table:
            self._child_filter = _Filter(seccomp.build_program(self._table, seccomp.PID))
            filtered = self._install(_Filter(seccomp.build_zygote_program(self._table)))
        else:
            filtered = False
        # Nothing needs to find it any more; what is bound to it here stays.
        for name in [name for name in sys.modules if "ctypes" in name]:
            del sys.modules[name]
        return {
            NAMESPACES: int(NAMESPACES in self._layers),
            LANDLOCK: landlock,
            SECCOMP: int(filtered),
            "memory": self._memory,
            "resident": self._resident,
        }

    def seal_child(self) -> None:
        """Confine a new child further, irrevocably. Raises StepFailedError."""
        if NAMESPACES not in self._layers:
            self._die_with_parent()
        _limit(
            RLIMIT_AS=self._memory + limits.MEMORY_BYTES,
            RLIMIT_CPU=limits.CPU_LIFE_SECONDS,
            RLIMIT_NOFILE=1,
            RLIMIT_NPROC=0,
        )
        if self._table:
            self._child_filter.set_pid(os.getpid())
            if not self._install(self._child_filter):
                raise StepFailedError(SECCOMP)

    def _die_with_parent(self) -> None:
        self._kernel.call("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)

    def _leave_files(self) -> None:
        """Change to an empty, read-only root; a half-done change is a StepFailedError."""
        call = self._kernel.call
        try:
            call("mount", b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None)
            call("mount", b"none", _MOUNT_POINT, b"tmpfs", _MS_EMPTY_ROOT, b"size=4k")
            os.chdir(_MOUNT_POINT)
            call("syscall", self._kernel.pivot_root, b".", b".")
            call("umount2", b".", _MNT_DETACH)
            os.chdir("/")
            call("mount", b"none", b"/", None, _MS_REMOUNT_READ_ONLY, None)
        except OSError as error:
            raise StepFailedError(f"{NAMESPACES}: {error.strerror}") from error

    def _deny_files(self) -> int:
        """Apply a Landlock ruleset without rules: no file, no TCP, no signal to others. Return the ABI or 0."""
        call = self._kernel.call
        try:
            abi = call("syscall", _LANDLOCK_CREATE, None, 0, 1)
        except OSError:
            return 0
        rights = (ctypes.c_uint64 * 3)()
        rights[0] = (1 << _FS_RIGHTS.get(abi, _FS_RIGHTS_NOW)) - 1
        rights[1] = 0b11 if abi >= 4 else 0
        rights[2] = 0b11 if abi >= 6 else 0
        size = 24 if abi >= 6 else 16 if abi >= 4 else 8
        try:
            ruleset = call("syscall", _LANDLOCK_CREATE, ctypes.byref(rights), size, 0)
            call("syscall", _LANDLOCK_RESTRICT, ruleset, 0)
        except OSError as error:
            raise StepFailedError(f"{LANDLOCK}: {error.strerror}") from error
        os.close(ruleset)
        return abi

    def _drop_capabilities(self) -> None:
        """Drop every capability, also those of the new user namespace."""
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        nothing = (ctypes.c_uint32 * 6)()
        self._kernel.call("syscall", self._kernel.capset, ctypes.byref(header), ctypes.byref(nothing))

    def _install(self, program: "_Filter") -> bool:
        """Install a system call filter; return False where the kernel has none."""
        try:
            self._kernel.call("syscall", self._kernel.seccomp, _SECCOMP_SET_MODE_FILTER, 0, program.address)
        except OSError:
            return False
        return True


class _Filter:
    """Filter in the kernel's memory layout, built before the fork; a child only writes its own pid in."""

    def __init__(self, code: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(code, len(code))
        self._pid_at = code.find(seccomp.PID.to_bytes(4, "little"))
        # struct sock_fprog: a count, padding, a pointer.
        self._fprog = (ctypes.c_uint64 * 2)(len(code) // 8, ctypes.addressof(self._buffer))
        self.address = ctypes.byref(self._fprog)

    def set_pid(self, pid: int) -> None:
        """Write the pid of the process the filter is for."""
        self._buffer[self._pid_at : self._pid_at + 4] = pid.to_bytes(4, "little")


def _limit(**maxima: int) -> None:
    for name, value in maxima.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
