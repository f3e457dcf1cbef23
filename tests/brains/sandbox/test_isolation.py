import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.brains import limits
from app.brains.confined import seccomp
from app.brains.confined.confine import LANDLOCK, LAYERS, NAMESPACES, SECCOMP
from app.brains.sandbox import TEMPLATE, Done, Fault, Job, Source
from app.brains.sandbox.wire import excerpt, read_answer, unpack
from app.brains.sandbox.zygote import ENTRY

ONE = Job("version:1", Source.of(TEMPLATE, "1"), {})
ROOT = Path(seccomp.__file__).parents[3]


def zygotes_children(sandbox):
    """Return the zygote and its children that stay: those confined by now, the last one buried."""
    time.sleep(0.5)
    launcher = sandbox.zygotes()[0]
    kids = [int(pid) for pid in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()]
    zygote = kids[0] if sandbox.level().namespaces else launcher
    return zygote, [int(p) for p in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()]


def test_the_level_says_what_is_in_force_and_the_log_tells_it(own, caplog):
    caplog.set_level("INFO")
    level = own(1).level()
    assert f"sandbox for templates is up: {level}" in caplog.text
    assert level.name in {"full", "hardened", "basic"}
    assert level.safe
    assert str(level).startswith(level.name)


@pytest.mark.parametrize(("missing", "name"), [({NAMESPACES}, "hardened"), ({NAMESPACES, LANDLOCK}, "basic")])
def test_a_missing_layer_lowers_the_level(own, missing, name):
    level = own(1, layers=LAYERS - missing).level()
    assert level.name == name
    assert level.safe


def test_nothing_runs_below_seccomp_unless_that_is_allowed(own):
    refusing = own(1, layers=LAYERS - {SECCOMP})
    assert refusing.level().name == "none"
    fault = refusing.run(ONE)
    assert isinstance(fault, Fault)
    assert (fault.kind, "not available" in fault.message) == ("sandbox", True)
    assert isinstance(own(1, layers=LAYERS - {SECCOMP}, allow_unsafe=True).run(ONE), Done)


@pytest.mark.parametrize(
    "trouble",
    [
        'os.write(0, b\'{"refused": "namespaces: Operation not permitted"}\'); os._exit(3)',
        # It came up, but a child confined to the last was killed: 31 is SIGSYS.
        'os.write(0, b\'{"ready": {"seccomp": 1, "proof": -31}}\'); os.read(0, 1); os._exit(0)',
    ],
)
def test_namespaces_that_cannot_be_had_are_left_out_and_said(own, tmp_path, trouble):
    entry = tmp_path / "zygote.py"
    entry.write_text(
        "import os, sys, runpy\n"
        "if 'namespaces' in sys.argv[3]:\n"
        f"    {trouble}\n"
        f"runpy.run_path({str(ENTRY)!r}, run_name='__main__')\n"
    )
    sandbox = own(1, entry=entry)
    level = sandbox.level()
    assert not level.namespaces
    assert len(level.notes) == 1
    assert level.safe
    assert isinstance(sandbox.run(ONE), Done)


def test_an_entry_that_fails_is_an_error_in_words(own, tmp_path):
    entry = tmp_path / "zygote.py"
    entry.write_text("raise SystemExit(1)")
    sandbox = own(1, entry=entry)
    fault = sandbox.run(ONE)
    assert isinstance(fault, Fault)
    assert "not available" in fault.message
    assert sandbox.level().name == "none"


@pytest.mark.parametrize("layers", [LAYERS, LAYERS - {NAMESPACES}], ids=["full", "hardened"])
def test_children_hold_nothing_but_their_socket(own, layers):
    sandbox = own(1, layers=layers)
    sandbox.run(ONE)
    zygote, children = zygotes_children(sandbox)
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


def test_children_are_alone_in_their_namespaces(own):
    sandbox = own(1)
    if not sandbox.level().namespaces:
        pytest.skip("this machine has no user namespaces")
    sandbox.run(ONE)
    zygote, children = zygotes_children(sandbox)
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
        "sandbox = Sandbox(1); sandbox.run(Job('version:1', Source.of(TEMPLATE, '1'), {}))\n"
        "def below(pid):\n"
        "    kids = [int(p) for p in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]\n"
        "    return [pid, *(each for kid in kids for each in below(kid))]\n"
        "print(*below(sandbox.zygotes()[0]), flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) >= 2, done.stderr
    until = time.monotonic() + 3
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"{\xff}",
        b"{" + b"[" * 100_000,
        b'{"n": NaN}',
        b'{"n": ' + b"9" * 5_000 + b"}",
    ],
)
def test_a_packet_that_is_no_answer_is_none(packet):
    assert unpack(packet) is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"n": 1},
        {"n": "1", "ok": {}},
        {"n": True, "ok": {}},
        {"n": 1, "ok": 3},
        {"n": 1, "err": 3},
        {"n": 1, "ok": {}, "err": {}},
        {"n": 1, "ok": {}, "call": "http.get"},
        {"n": 1, "call": 7},
        {"n": 1, "call": "ai", "args": []},
        {"n": 1, "err": {}, "fx": {}},
        {"n": 1, "ok": {}, "out": 3},
        {"n": 1, "ok": {}, "out": "x" * (limits.OUTPUT_CHARS + 1)},
    ],
)
def test_an_answer_outside_the_schema_is_none(value):
    assert read_answer(value) is None


def test_an_excerpt_is_three_lines_at_most():
    assert excerpt("a\nb\nc\nd", 1) == ("1: a", "2: b")
    assert excerpt("a\nb\nc\nd", 3) == ("2: b", "3: c", "4: d")
    assert excerpt("a", 9) == excerpt("a", None) == ()


@pytest.mark.parametrize("machine", seccomp.TABLES)
def test_the_filter_is_well_formed_for_each_machine(machine):
    table = seccomp.TABLES[machine]
    code = seccomp.program(table, 4242)
    ops = [code[at : at + 8] for at in range(0, len(code), 8)]
    assert len(ops) < 4096
    assert not set(table.allowed) & set(table.refused)
    assert run_filter(ops, table, table.mmap, (0, 0, 3, 0, 0xFFFFFFFF)) == seccomp.ALLOW
    assert run_filter(ops, table, table.mmap, (0, 0, 7, 0, 0xFFFFFFFF)) == seccomp.KILL_PROCESS
    assert run_filter(ops, table, table.mmap, (0, 0, 3, 0, 5)) == seccomp.KILL_PROCESS
    assert run_filter(ops, table, table.tgkill, (4242,)) == seccomp.ALLOW
    assert run_filter(ops, table, table.tgkill, (1,)) == seccomp.KILL_PROCESS
    assert [run_filter(ops, table, call, (0,)) for call in table.fd_zero] == [seccomp.ALLOW] * 2
    assert [run_filter(ops, table, call, (3,)) for call in table.fd_zero] == [seccomp.KILL_PROCESS] * 2
    assert {run_filter(ops, table, call, ()) for call in table.allowed} == {seccomp.ALLOW}
    assert {run_filter(ops, table, call, ()) for call in table.refused} == {seccomp.REFUSE}
    named = {*table.allowed, *table.refused, *table.fd_zero, table.mmap, table.tgkill}
    assert {run_filter(ops, table, call, ()) for call in range(600) if call not in named} == {
        seccomp.KILL_PROCESS
    }
    assert {run_filter(ops, table, call, (0,)) for call in (table.clone, *table.zygote)} <= {
        seccomp.KILL_PROCESS,
        seccomp.REFUSE,
    }
    if table.x32:
        assert run_filter(ops, table, 0x40000000 | table.allowed[0], ()) == seccomp.KILL_PROCESS
    assert run_filter(ops, table._replace(arch=1), table.allowed[0], ()) == seccomp.KILL_PROCESS


@pytest.mark.parametrize("machine", seccomp.TABLES)
def test_a_zygote_may_fork_and_all_that_its_children_may(machine):
    table = seccomp.TABLES[machine]
    code = seccomp.zygote_program(table)
    ops = [code[at : at + 8] for at in range(0, len(code), 8)]
    child = seccomp.program(table, 4242)
    child_ops = [child[at : at + 8] for at in range(0, len(child), 8)]
    for call in range(600):
        for arguments in ((0, 0, 3, 0, 0xFFFFFFFF), (4242,)):
            if run_filter(child_ops, table, call, arguments) == seccomp.ALLOW:
                assert run_filter(ops, table, call, arguments) == seccomp.ALLOW, call
    assert run_filter(ops, table, table.clone, (0x01200011,)) == seccomp.ALLOW
    # A thread, a new user namespace.
    assert run_filter(ops, table, table.clone, (0x003D0F00,)) == seccomp.KILL_PROCESS
    assert run_filter(ops, table, table.clone, (0x10000011,)) == seccomp.KILL_PROCESS
    assert {run_filter(ops, table, call, (3,)) for call in table.zygote_fd_zero} == {seccomp.KILL_PROCESS}
    named = {*table.allowed, *table.refused, *table.zygote, *table.fd_zero, *table.zygote_fd_zero}
    named |= {table.mmap, table.tgkill, table.clone}
    assert {run_filter(ops, table, call, ()) for call in range(600) if call not in named} == {
        seccomp.KILL_PROCESS
    }


def run_filter(ops, table, number, arguments):
    """Interpret the few BPF instructions the filter is made of."""
    data = {0: number, 4: table.arch}
    data |= {16 + 8 * index: (arguments[index] if index < len(arguments) else 0) for index in range(6)}
    at = value = 0
    while True:
        code, if_true, if_false, operand = struct.unpack("<HBBI", ops[at])
        at += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            value = data[operand]
            continue
        taken = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
        at += if_true if taken else if_false
