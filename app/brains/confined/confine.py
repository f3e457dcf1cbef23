"""Gives up, for good, all that a child does not need; runs in it before any operator's text comes in."""

import ctypes
import os
import platform
import resource
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from .. import limits  # noqa: TID252  the package has another name in the child
from . import seccomp

NAMESPACES, LANDLOCK, SECCOMP = "namespaces", "landlock", "seccomp"
LAYERS: Final = frozenset({NAMESPACES, LANDLOCK, SECCOMP})

# user, mount, network, IPC and UTS. A process namespace would hold children only, and there can be none.
_CLONE_NEW = 0x10000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000
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


class StepFailedError(Exception):
    """A step that was begun and did not succeed: this process must not go on."""


class _Kernel:
    """System calls by way of ctypes; every failure is an OSError."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.machine = platform.machine()
        self.pivot_root, self.capset, self.seccomp = _NUMBERS.get(self.machine, (-1, -1, -1))

    def call(self, name: str, *args: object) -> int:
        ctypes.set_errno(0)
        result = getattr(self._libc, name)(*args)
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


def confine(layers: Collection[str]) -> dict[str, int]:
    """Confine this process by the wanted `layers`; return what is in force.

    `landlock` is the ABI, 0 where the kernel has none. Raises StepFailedError for a layer begun in vain.
    """
    kernel = _Kernel()
    os.closerange(1, 1024)
    own_memory = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if NAMESPACES in layers:
        _enter_namespaces(kernel)
    kernel.call("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    kernel.call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    kernel.call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    landlock = _deny_files(kernel) if LANDLOCK in layers else 0
    _drop_capabilities(kernel)
    _limit(own_memory)
    filtered = _filter_calls(kernel) if SECCOMP in layers else False
    for name in [name for name in sys.modules if "ctypes" in name]:
        del sys.modules[name]
    return {
        NAMESPACES: int(NAMESPACES in layers),
        LANDLOCK: landlock,
        SECCOMP: int(filtered),
        "memory": own_memory,
    }


def _enter_namespaces(kernel: _Kernel) -> None:
    """Leave for an empty, read-only root without network; a half-done job is a StepFailedError."""
    uid, gid = os.getuid(), os.getgid()
    try:
        kernel.call("unshare", _CLONE_NEW)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        kernel.call("mount", b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None)
        kernel.call("mount", b"none", _MOUNT_POINT, b"tmpfs", _MS_EMPTY_ROOT, b"size=4k")
        os.chdir(_MOUNT_POINT)
        kernel.call("syscall", kernel.pivot_root, b".", b".")
        kernel.call("umount2", b".", _MNT_DETACH)
        os.chdir("/")
        kernel.call("mount", b"none", b"/", None, _MS_REMOUNT_READ_ONLY, None)
    except OSError as error:
        raise StepFailedError(f"{NAMESPACES}: {error.strerror}") from error


def _deny_files(kernel: _Kernel) -> int:
    """Apply a Landlock ruleset without rules: no file, no TCP, no signal to others. Returns the ABI or 0."""
    try:
        abi = kernel.call("syscall", _LANDLOCK_CREATE, None, 0, 1)
    except OSError:
        return 0
    rights = (ctypes.c_uint64 * 3)()
    rights[0] = (1 << _FS_RIGHTS.get(abi, _FS_RIGHTS_NOW)) - 1
    rights[1] = 0b11 if abi >= 4 else 0
    rights[2] = 0b11 if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    try:
        ruleset = kernel.call("syscall", _LANDLOCK_CREATE, ctypes.byref(rights), size, 0)
        kernel.call("syscall", _LANDLOCK_RESTRICT, ruleset, 0)
    except OSError as error:
        raise StepFailedError(f"{LANDLOCK}: {error.strerror}") from error
    os.close(ruleset)
    return abi


def _drop_capabilities(kernel: _Kernel) -> None:
    """Give up every capability, also those of the new user namespace."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    kernel.call("syscall", kernel.capset, ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def _limit(own_memory: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, own_memory + limits.MEMORY_BYTES),
        (resource.RLIMIT_CPU, limits.CPU_LIFE_SECONDS),
        (resource.RLIMIT_NOFILE, 1),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(what, (most, most))


def _filter_calls(kernel: _Kernel) -> bool:
    """Install the system call filter; False where this machine or kernel has none."""
    table = seccomp.TABLES.get(kernel.machine)
    if table is None:
        return False
    code = seccomp.program(table, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count, padding, a pointer.
    fprog = (ctypes.c_uint64 * 2)(len(code) // 8, ctypes.addressof(buffer))
    try:
        kernel.call("syscall", kernel.seccomp, _SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(fprog))
    except OSError:
        return False
    return True
