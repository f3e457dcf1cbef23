import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.brains.confined import seccomp
from app.brains.confined.confine import LANDLOCK, LAYERS, NAMESPACES, SECCOMP
from app.brains.sandbox import TEMPLATE, Job, RunResult, SandboxError, Source
from app.brains.sandbox.zygote import ENTRY

ONE = Job("version:1", Source.from_text(TEMPLATE, "1"), {})
ROOT = Path(seccomp.__file__).parents[3]


def list_zygote_processes(sandbox):
    """Return the zygote and its children that stay: those confined by now, the last one buried."""
    time.sleep(0.5)
    launcher = sandbox.list_zygote_pids()[0]
    kids = [int(pid) for pid in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()]
    zygote = kids[0] if sandbox.get_level().namespaces else launcher
    return zygote, [int(p) for p in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()]


def test_the_level_says_what_is_in_force_and_the_log_tells_it(make_sandbox, caplog):
    caplog.set_level("INFO")
    level = make_sandbox(1).get_level()
    assert f"sandbox for templates is up: {level}" in caplog.text
    assert level.name in {"full", "hardened", "basic"}
    assert level.is_safe
    assert str(level).startswith(level.name)


@pytest.mark.parametrize(("missing", "name"), [({NAMESPACES}, "hardened"), ({NAMESPACES, LANDLOCK}, "basic")])
def test_a_missing_layer_lowers_the_level(make_sandbox, missing, name):
    level = make_sandbox(1, layers=LAYERS - missing).get_level()
    assert level.name == name
    assert level.is_safe


def test_nothing_runs_below_seccomp_unless_that_is_allowed(make_sandbox):
    refusing = make_sandbox(1, layers=LAYERS - {SECCOMP})
    assert refusing.get_level().name == "none"
    fault = refusing.run(ONE)
    assert isinstance(fault, SandboxError)
    assert (fault.kind, "not available" in fault.message) == ("sandbox", True)
    assert isinstance(make_sandbox(1, layers=LAYERS - {SECCOMP}, allow_unsafe=True).run(ONE), RunResult)


@pytest.mark.parametrize(
    "trouble",
    [
        'os.write(0, b\'{"refused": "namespaces: Operation not permitted"}\'); os._exit(3)',
        # It came up, but a child confined to the last was killed: 31 is SIGSYS.
        'os.write(0, b\'{"ready": {"seccomp": 1, "proof": -31}}\'); os.read(0, 1); os._exit(0)',
    ],
)
def test_namespaces_that_cannot_be_had_are_left_out_and_said(make_sandbox, tmp_path, trouble):
    entry = tmp_path / "zygote.py"
    entry.write_text(
        "import os, sys, runpy\n"
        "if 'namespaces' in sys.argv[3]:\n"
        f"    {trouble}\n"
        f"runpy.run_path({str(ENTRY)!r}, run_name='__main__')\n"
    )
    sandbox = make_sandbox(1, entry=entry)
    level = sandbox.get_level()
    assert not level.namespaces
    assert len(level.notes) == 1
    assert level.is_safe
    assert isinstance(sandbox.run(ONE), RunResult)


def test_an_entry_that_fails_is_an_error_in_words(make_sandbox, tmp_path):
    entry = tmp_path / "zygote.py"
    entry.write_text("raise SystemExit(1)")
    sandbox = make_sandbox(1, entry=entry)
    fault = sandbox.run(ONE)
    assert isinstance(fault, SandboxError)
    assert "not available" in fault.message
    assert sandbox.get_level().name == "none"


@pytest.mark.parametrize("layers", [LAYERS, LAYERS - {NAMESPACES}], ids=["full", "hardened"])
def test_children_hold_nothing_but_their_socket(make_sandbox, layers):
    sandbox = make_sandbox(1, layers=layers)
    sandbox.run(ONE)
    zygote, children = list_zygote_processes(sandbox)
    assert children
    for pid in (zygote, *children):
        folder = Path("/proc") / str(pid)
        if os.getuid() == 0:
            assert (folder / "environ").read_bytes() == b"PYTHONHASHSEED=0\0"
            assert [path.name for path in (folder / "fd").iterdir()] == ["0"]
            assert b"flask" not in (folder / "maps").read_bytes().lower()
        status = (folder / "status").read_text()
        assert "Seccomp:\t2" in status
        assert f"Seccomp_filters:\t{1 if pid == zygote else 2}" in status
        assert "NoNewPrivs:\t1" in status
        assert "CapEff:\t0000000000000000" in status
        assert "CapPrm:\t0000000000000000" in status


def test_children_are_alone_in_their_namespaces(make_sandbox):
    sandbox = make_sandbox(1)
    if not sandbox.get_level().namespaces:
        pytest.skip("this machine has no user namespaces")
    sandbox.run(ONE)
    zygote, children = list_zygote_processes(sandbox)
    if os.getuid() == 0:
        for kind in ("user", "net", "mnt", "ipc", "uts", "pid"):
            inside = {Path(f"/proc/{pid}/ns/{kind}").readlink() for pid in children}
            assert inside == {Path(f"/proc/{zygote}/ns/{kind}").readlink()}
            assert inside != {Path(f"/proc/self/ns/{kind}").readlink()}
        assert list(Path(f"/proc/{zygote}/root").iterdir()) == []
    assert "NSpid:\t" in (status := Path(f"/proc/{zygote}/status").read_text())
    assert next(line for line in status.splitlines() if line.startswith("NSpid")).split()[-1] == "1"


def test_nothing_outlives_the_host(tmp_path):
    script = tmp_path / "host.py"
    script.write_text(
        "import os, signal, sys, types\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "app = types.ModuleType('app')\n"
        f"app.__path__ = [{str(ROOT / 'app')!r}]; sys.modules['app'] = app\n"
        "from pathlib import Path\n"
        "from app.brains.sandbox import Job, Sandbox, Source, TEMPLATE\n"
        "sandbox = Sandbox(1); sandbox.run(Job('version:1', Source.from_text(TEMPLATE, '1'), {}))\n"
        "def below(pid):\n"
        "    kids = [int(p) for p in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]\n"
        "    return [pid, *(each for kid in kids for each in below(kid))]\n"
        "print(*below(sandbox.list_zygote_pids()[0]), flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) >= 2, done.stderr
    until = time.monotonic() + 3
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
