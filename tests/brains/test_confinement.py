import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.brains import limits
from app.brains.confined import seccomp
from app.brains.confined.confine import LANDLOCK, LAYERS, NAMESPACES, SECCOMP
from app.brains.sandbox import RenderJob
from app.brains.sandbox.wire import excerpt, read_answer, unpack


def job(source, version=1, **context: Any):
    return RenderJob(version, source, context)


def test_the_level_says_what_is_in_force(own):
    level = own(1).level()
    assert level.name in {"full", "hardened", "basic"}
    assert level.safe
    assert str(level).startswith(level.name)


@pytest.mark.parametrize(("missing", "name"), [({NAMESPACES}, "hardened"), ({NAMESPACES, LANDLOCK}, "basic")])
def test_a_missing_layer_lowers_the_level(own, missing, name):
    level = own(1, layers=LAYERS - missing).level()
    assert level.name == name
    assert level.safe


def test_nothing_is_rendered_below_seccomp_unless_that_is_allowed(own):
    refusing = own(1, layers=LAYERS - {SECCOMP})
    assert refusing.level().name == "none"
    assert "not available" in refusing.render_many([job("{{ 1 }}")])[0].message
    assert own(1, layers=LAYERS - {SECCOMP}, allow_unsafe=True).render_many([job("{{ 1 }}")])[0].text == "1"


def test_namespaces_that_cannot_be_had_are_left_out_and_said(own, tmp_path):
    launcher = tmp_path / "child.py"
    real = Path(seccomp.__file__).with_name("child.py")
    launcher.write_text(
        "import os, sys, runpy\n"
        "if 'namespaces' in sys.argv[2]:\n"
        '    os.write(0, b\'{"refused": "namespaces: Operation not permitted"}\'); os._exit(3)\n'
        f"runpy.run_path({str(real)!r}, run_name='__main__')\n"
    )
    level = own(1, launcher=launcher).level()
    assert not level.namespaces
    assert level.notes == ("namespaces: Operation not permitted",)
    assert level.safe


def test_a_launcher_that_fails_is_an_error_in_words(own, tmp_path):
    launcher = tmp_path / "child.py"
    launcher.write_text("raise SystemExit(1)")
    sandbox = own(1, launcher=launcher)
    assert "not available" in sandbox.render_many([job("{{ 1 }}")])[0].message
    assert sandbox.level().name == "none"


def test_a_child_has_an_empty_environment_one_descriptor_and_no_application(own):
    sandbox = own(1)
    sandbox.render_many([job("{{ 1 }}")])
    folder = Path("/proc") / str(sandbox._pool._idle[0].process.pid)
    if os.getuid() == 0:
        assert (folder / "environ").read_bytes() == b""
        assert [path.name for path in (folder / "fd").iterdir()] == ["0"]
        assert b"flask" not in (folder / "maps").read_bytes().lower()
    status = (folder / "status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status


def test_a_child_does_not_outlive_its_host(tmp_path):
    script = tmp_path / "host.py"
    script.write_text(
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(Path(seccomp.__file__).parents[3])!r})\n"
        "import types; app = types.ModuleType('app')\n"
        f"app.__path__ = [{str(Path(seccomp.__file__).parents[2])!r}]; sys.modules['app'] = app\n"
        "from app.brains.sandbox import RenderJob, Sandbox\n"
        "sandbox = Sandbox(1); sandbox.render_many([RenderJob(1, '{{ 1 }}', {})])\n"
        "print(sandbox._pool._idle[0].process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    out = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False).stdout
    status = Path(f"/proc/{int(out)}")
    until = time.monotonic() + 3
    while status.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not status.exists()


@pytest.mark.parametrize(
    "packet",
    [b"", b"[]", b"{", b"\xff\xfe", b"{" + b"[" * 100_000, b'{"n": 1' + b" " * limits.PACKET_BYTES + b"}"],
)
def test_a_packet_that_is_no_answer_is_none(packet):
    assert unpack(packet) is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"n": "1", "ok": ""},
        {"n": True, "ok": ""},
        {"n": 1, "ok": 3},
        {"n": 1, "error": 3},
        {"n": 1, "error": "x", "line": "1"},
        {"n": 1, "ok": "x" * (limits.OUTPUT_CHARS + 1)},
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
    if table.x32:
        assert run_filter(ops, table, 0x40000000 | table.allowed[0], ()) == seccomp.KILL_PROCESS
    assert run_filter(ops, table._replace(arch=1), table.allowed[0], ()) == seccomp.KILL_PROCESS


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
