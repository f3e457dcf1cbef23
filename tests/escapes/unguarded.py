"""Entry of a control, `python bare.py ORDER`: attacks without any guard, in namespaces that are thrown away.

ORDER is JSON: {"site", "corpus", "indices"}. Everything the process can see is read-only and without devices,
/tmp is its own, no network, no other process, little memory. Nothing is run before all of that has worked.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from worker import stub_app_package, write_line

_NAMESPACES = 0x10000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x20000000
_MOUNT_SETATTR, _AT_FDCWD, _RECURSIVE = 442, -100, 0x8000
_READ_ONLY_NO_SETUID_NO_DEVICES = 0x1 | 0x2 | 0x4
_PRIVATE = 1 << 18
_HIDDEN = ("/tmp", "/run", "/var/tmp", "/dev/shm", "/var/run")  # noqa: S108  covered by empty ones
_MEMORY = 320 * 2**20
_WALL = 0.6  # seconds: where the sandbox's host kills
_RESULT_BYTES = 2**20
_write_json = json.dumps  # attacks replace it


def enclose() -> None:
    """Leave for new namespaces and become their first process. Raises OSError where that cannot be had."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments) < 0:
            raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")

    uid, gid = os.getuid(), os.getgid()
    call("unshare", _NAMESPACES)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    if first := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
    call("prctl", 1, signal.SIGKILL, 0, 0, 0)
    rules = (ctypes.c_uint64 * 4)(_READ_ONLY_NO_SETUID_NO_DEVICES, 0, _PRIVATE, 0)
    call("mount", b"none", b"/", None, _PRIVATE | 0x4000, None)
    with contextlib.suppress(OSError):
        call("mount", b"proc", b"/proc", b"proc", 0x2 | 0x4 | 0x8, None)
    call("syscall", _MOUNT_SETATTR, _AT_FDCWD, b"/", _RECURSIVE, ctypes.byref(rules), 32)
    for folder in filter(os.path.isdir, _HIDDEN):
        call("mount", b"none", os.path.realpath(folder).encode(), b"tmpfs", 0x2 | 0x4, b"size=4m")
    os.mkdir("/tmp/home")  # noqa: PTH102, S108
    os.chdir("/tmp/home")  # noqa: S108
    Path("canary.txt").write_text(os.environ["CANARY"])


def little() -> None:
    """Bound what one attack may take; for its process alone."""
    bounds = {"AS": _MEMORY, "CPU": 3, "FSIZE": 2**20, "CORE": 0, "NPROC": 200, "NOFILE": 64}
    for name, most in bounds.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def main(order: dict[str, Any]) -> None:
    """Run the snippets of `indices` one after the other, and say of each what harm it did."""
    stub_app_package(order["site"])
    from tests.escapes import raw_languages  # noqa: PLC0415  the path is set above
    from tests.escapes.corpus import SCRIPT, read  # noqa: PLC0415  the path is set above
    from tests.escapes.oracle import Secret, is_foreign  # noqa: PLC0415  the path is set above

    snippets = read(Path(order["corpus"]))
    keep = raw_languages.tools()
    # Jinja loads them when they are first needed, and this very tree may lie in a folder that is about to be covered.
    for name in ("jinja2.debug", "jinja2.ext"):
        importlib.import_module(name)
    enclose()
    canary = Secret(os.environ["CANARY"])
    for index in order["indices"]:
        snippet = snippets[index]
        output = SimpleNamespace(text=[])
        output.write = output.text.append
        script = snippet.language == SCRIPT
        language = raw_languages.RawScript(output, keep) if script else raw_languages.RawTemplate(output)
        result = _run_apart(language, snippet, output)
        write_line(end=index, harm=_harm(snippet, result, canary, is_foreign))


def _run_apart(language: Any, snippet: Any, output: Any) -> dict[str, Any]:
    """Run one attack in a process of its own; return what it said and how it ended."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.closerange(0, theirs)
        os.setsid()  # a signal to the process group would leave the namespace
        little()
        _attack(language, snippet, output, theirs)
    os.close(theirs)
    said, late = _collect(ours)
    os.close(ours)
    # This process is the first one here and is spared: whoever else is left goes.
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, 0):
            pass
    try:
        result = json.loads(said or b"{}")
    except ValueError:
        result = {"said": said.decode("latin-1")}
    code = os.waitstatus_to_exitcode(status)
    return {**result, "late": late, "code": code, "kilobytes": usage.ru_maxrss, "bytes": len(said)}


def _collect(descriptor: int) -> tuple[bytes, bool]:
    said, deadline = b"", time.monotonic() + _WALL
    while len(said) <= _RESULT_BYTES:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return said, True
        piece = os.read(descriptor, 65_536)
        if not piece:
            break
        said += piece
    return said, False


def _attack(language: Any, snippet: Any, output: Any, answer: int) -> None:
    data = {
        "message": "hello",
        "user": {"name": "Ama", "bio": "x"},
        "history": ["one", "two"],
        "memory": {"contact": {"k": "v"}},
    }
    asked: list[str] = []

    def call(_method: str, arguments: Any) -> str:
        asked.append(str(arguments.get("url", "")))
        return "fine"

    result = {
        "first": _once(language, snippet.code, data, call),
        "fx": list(language.effects),
        "out": list(output.text),
    }
    if snippet.then:
        result |= {"then": _once(language, snippet.then, data, call), "then_fx": list(language.effects)}
    try:
        words = _write_json({**result, "asked": asked}, default=str).encode()
    except (ValueError, RecursionError):
        words = _write_json({"asked": asked}).encode()
    while words:
        words = words[os.write(answer, words) :]
    os._exit(0)


def _once(language: Any, code: str, data: Any, call: Any) -> Any:
    try:
        return language.run(language.load(language.compile(code)[0]), data, call)
    except BaseException as error:  # noqa: BLE001  the border of an attack
        return {"error": f"{type(error).__name__}: {error}"}


def _harm(snippet: Any, result: dict[str, Any], canary: Any, is_foreign: Any) -> list[str]:
    said = json.dumps(result)
    found = {
        "canary": canary.is_in([said]),
        "marker": snippet.probe != "state" and "PWNED:" in said,
        "state": "PWNED:STATE" in json.dumps([result.get("then"), result.get("then_fx")]),
        "late": result["late"],
        "memory": "MemoryError" in str(result.get("first")) or result["kilobytes"] > 192 * 1024,
        "output": result["bytes"] > 2 * 131_072 or len(result.get("fx", [])) > 64,
        "died": not result["late"] and result["code"] != 0,
        "hostapi": any(is_foreign(url) for url in result.get("asked", [])),
    }
    return [name for name, there in found.items() if there]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
