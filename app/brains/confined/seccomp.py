"""System call filters of a zygote and its children, as BPF for x86_64 and aarch64 (specs: sandbox 4)."""

import struct
from typing import Final, NamedTuple

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
REFUSE: Final = 0x00050001  # SECCOMP_RET_ERRNO with EPERM: lazy imports and odd library calls fail softly

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# Stands for a child's own number until the child writes it in.
PID: Final = 0x7EADBEEF
# fork() as the C library does it: CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, SIGCHLD; no thread, no namespace.
_FORK = 0x01200011
_X32 = 0x40000000
_PROT_EXEC = 4
_NO_FD = 0xFFFFFFFF

# Offsets into struct seccomp_data; an argument's low 32 bits, both machines being little-endian.
_NUMBER, _ARCH = 0, 4


class Table(NamedTuple):
    """System call numbers of one architecture."""

    arch: int  # AUDIT_ARCH_*
    x32: bool  # whether a second numbering hides behind bit 30
    allowed: tuple[int, ...]
    refused: tuple[int, ...]
    fd_zero: tuple[int, ...]  # read, write: on our own socket only
    mmap: int
    tgkill: int
    clone: int
    zygote: tuple[int, ...]  # what a zygote may besides
    zygote_fd_zero: tuple[int, ...]


def _numbers(listed: str) -> tuple[int, ...]:
    """Parse `name=number` pairs."""
    return tuple(int(pair.partition("=")[2]) for pair in listed.split())


X86_64 = Table(
    arch=0xC000003E,
    x32=True,
    allowed=_numbers(
        "munmap=11 mremap=25 brk=12 madvise=28 futex=202 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 "
        "sigaltstack=131 setitimer=38 clock_gettime=228 gettimeofday=96 getrandom=318 getpid=39 gettid=186 "
        "getrusage=98 "
        "restart_syscall=219 exit=60 exit_group=231"
    ),
    refused=_numbers(
        "open=2 openat=257 openat2=437 stat=4 fstat=5 lstat=6 newfstatat=262 statx=332 access=21 "
        "faccessat=269 faccessat2=439 readlink=89 readlinkat=267 getdents64=217 lseek=8 ioctl=16 fcntl=72 "
        "close=3 mprotect=10 getuid=102 getgid=104 geteuid=107 getegid=108"
    ),
    fd_zero=_numbers("read=0 write=1"),
    mmap=9,
    tgkill=234,
    clone=56,
    zygote=_numbers(
        "wait4=61 pidfd_open=434 dup2=33 dup3=292 close=3 close_range=436 setrlimit=160 prlimit64=302 prctl=157 "
        "seccomp=317 set_robust_list=273 rseq=334"
    ),
    zygote_fd_zero=_numbers("recvmsg=47 sendmsg=46"),
)
AARCH64 = Table(
    arch=0xC00000B7,
    x32=False,
    allowed=_numbers(
        "munmap=215 mremap=216 brk=214 madvise=233 futex=98 rt_sigaction=134 rt_sigprocmask=135 "
        "rt_sigreturn=139 sigaltstack=132 setitimer=103 clock_gettime=113 gettimeofday=169 getrandom=278 "
        "getpid=172 gettid=178 getrusage=165 restart_syscall=128 exit=93 exit_group=94"
    ),
    refused=_numbers(
        "openat=56 openat2=437 newfstatat=79 fstat=80 statx=291 faccessat=48 faccessat2=439 readlinkat=78 "
        "getdents64=61 lseek=62 ioctl=29 fcntl=25 close=57 mprotect=226 getuid=174 geteuid=175 getgid=176 "
        "getegid=177"
    ),
    fd_zero=_numbers("read=63 write=64"),
    mmap=222,
    tgkill=131,
    clone=220,
    zygote=_numbers(
        "wait4=260 pidfd_open=434 dup3=24 close=57 close_range=436 setrlimit=164 prlimit64=261 prctl=167 "
        "seccomp=277 set_robust_list=99 rseq=293"
    ),
    zygote_fd_zero=_numbers("recvmsg=212 sendmsg=211"),
)
TABLES: Final = {"x86_64": X86_64, "aarch64": AARCH64}


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _argument(index: int) -> bytes:
    return _op(_LOAD, 16 + 8 * index)


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """Build a branch that runs `body`, which must return, for one system call only."""
    return [_op(_EQUAL, number, 0, len(body)), *body]


def _answer(numbers: tuple[int, ...], verdict: int) -> list[bytes]:
    return [op for number in numbers for op in _when(number, [_op(_RETURN, verdict)])]


def _only(index: int, value: int) -> list[bytes]:
    """Build a check that allows one value of an argument and kills on any other."""
    return [_argument(index), _op(_EQUAL, value, 0, 1), _op(_RETURN, ALLOW), _op(_RETURN, KILL_PROCESS)]


def _mapping() -> list[bytes]:
    """Build the check of mmap: anonymous memory that is never executable."""
    return [
        _argument(2),
        _op(_ANY_BIT, _PROT_EXEC, 3, 0),
        _argument(4),
        _op(_EQUAL, _NO_FD, 0, 1),
        _op(_RETURN, ALLOW),
        _op(_RETURN, KILL_PROCESS),
    ]


def _head(table: Table) -> list[bytes]:
    """Build the head: kill other architectures and numberings, then load the number."""
    ops = [_op(_LOAD, _ARCH), _op(_EQUAL, table.arch, 1, 0), _op(_RETURN, KILL_PROCESS), _op(_LOAD, _NUMBER)]
    if table.x32:
        ops += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, KILL_PROCESS)]
    return ops


def build_program(table: Table, pid: int) -> bytes:
    """Assemble the filter for the child `pid`: a system call that is not listed kills it."""
    ops = _head(table)
    for number in table.fd_zero:
        ops += _when(number, _only(0, 0))
    ops += _answer(table.allowed, ALLOW)
    ops += _when(table.mmap, _mapping())
    # A crash report re-raises its signal; without the check a child could kill the children of others.
    ops += _when(table.tgkill, _only(0, pid))
    ops += _answer(table.refused, REFUSE)
    ops.append(_op(_RETURN, KILL_PROCESS))
    return b"".join(ops)


def build_zygote_program(table: Table) -> bytes:
    """Assemble the filter of a zygote: the calls of its children, and fork, wait and passing descriptors.

    Filters stack, and children set one of their own; so this one must allow all that theirs allows.
    """
    ops = _head(table)
    for number in (*table.fd_zero, *table.zygote_fd_zero):
        ops += _when(number, _only(0, 0))
    ops += _answer((*table.allowed, *table.zygote), ALLOW)
    ops += _when(table.clone, _only(0, _FORK))
    ops += _when(table.mmap, _mapping())
    ops += _when(table.tgkill, [_op(_RETURN, ALLOW)])
    ops += _answer(tuple(number for number in table.refused if number not in table.zygote), REFUSE)
    ops.append(_op(_RETURN, KILL_PROCESS))
    return b"".join(ops)
