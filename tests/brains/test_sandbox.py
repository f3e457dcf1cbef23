import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from app.brains import limits
from app.brains.confined import seccomp
from app.brains.confined.confine import LANDLOCK, LAYERS, NAMESPACES, SECCOMP
from app.brains.sandbox import Rendered, RenderError, RenderJob, Sandbox
from app.brains.sandbox.breaker import Breaker
from app.brains.sandbox.wire import excerpt, read_answer, unpack

SLOW = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
# A loop in C that looks at no signal.
STUCK = "one\n{% set n = 7 ** 1400 %}{% for i in range(9999) %}{{ (n * i)|string|int(base=36) // 3 ** 900 }}{% endfor %}"


def job(source, version=1, **context):
    return RenderJob(version, source, context)


def children():
    """Return the processes this one has started."""
    folder = Path(f"/proc/{os.getpid()}/task")
    return {int(pid) for task in folder.iterdir() for pid in (task / "children").read_text().split()}


@pytest.fixture
def own():
    """Make sandboxes that are closed afterwards, whatever happens."""
    made = []

    def make(children=1, **options):
        made.append(Sandbox(children, **options))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()


def test_many_templates_are_rendered_in_their_order(sandbox):
    results = sandbox.render_many([job("{{ n }}", n=n) for n in range(250)])
    assert [result.text for result in results] == [str(n) for n in range(250)]


def test_no_jobs_give_no_answers(sandbox):
    assert sandbox.render_many([]) == []


def test_two_brains_never_share_a_process_and_the_number_is_bounded(own):
    before = children()
    sandbox = own(2)
    results = sandbox.render_many(
        [job("{{ v }}", version, v=version) for version in range(1, 8) for _ in range(3)]
    )
    assert [result.text for result in results] == [str(version) for version in range(1, 8) for _ in range(3)]
    assert len(children() - before) <= 4  # two bound, one spare, one about to be buried


def test_a_child_stays_with_its_brain(own):
    sandbox = own(1)
    sandbox.render_many([job("{{ 1 }}")])
    bound = sandbox._pool._idle[0].process.pid
    sandbox.render_many([job("{{ 2 }}")])
    assert sandbox._pool._idle[0].process.pid == bound
    sandbox.render_many([job("{{ 3 }}", 2)])
    assert sandbox._pool._idle[0].process.pid != bound


def test_a_child_is_replaced_after_its_last_run(own):
    sandbox = own(1)
    sandbox.render_many([job("{{ 1 }}")])
    first = sandbox._pool._idle[0]
    sandbox.render_many([job("{{ 1 }}")] * limits.RUNS_PER_CHILD)
    assert first.runs == limits.RUNS_PER_CHILD
    assert sandbox._pool._idle[0] is not first


def test_an_idle_child_is_retired(own):
    now = [0.0]
    sandbox = own(1, clock=lambda: now[0])
    sandbox.render_many([job("{{ 1 }}")])
    now[0] = limits.IDLE_SECONDS + 1
    until = time.monotonic() + 5
    while sandbox._pool._idle and time.monotonic() < until:
        time.sleep(0.05)
    assert sandbox._pool._idle == []


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("a\nb {{ c }}", "“c” is not known here.", 2),
        ("{{ user.nmae }}", "“nmae” is not known here. There is: name.", 1),
        ("a\n{% if x %}", "This template cannot be read", 2),
        ("{{ 1 / 0 }}", "divides by zero", 1),
        ("{{ 1 + 'a' }}", "The template cannot do this", 1),
        ("\n\n{% include 'x' %}", "cannot include", 3),
        ("{{ 'a'|nope }}", "No filter named 'nope'", 1),
        ("{{ 'a'.format(1) }}", "“format” is not known here.", 1),
        ("{{ range(10001) }}", "range() goes to 10,000 steps", 1),
        ("{{ 'a' * 2000000 }}", "The result of * would be too large.", 1),
        ("{{ 2 ** 5000 }}", "The result of ** would be too large.", 1),
        ("{{ '%s' % 1 }}", "Use ~ to join texts", 1),
        ("{{ " + "(" * 41 + ")" * 41 + " }}", "Brackets can be nested", None),
        ("{{ 'a'" + "|upper" * 60 + " }}", "too complex", 1),
        ("x\n{% for i in range(9999) %}{{ 'x' * 100 }}{% endfor %}", "The text grew beyond", 2),
        ("x\n" + SLOW, "ran longer than 250 ms", 2),
        ("x\n{{ ('a' * 100000)|replace('a', 'b' * 100000) }}", "more than 64 MB", 2),
        ("{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}", "calls itself without end", 1),
        ("{% if 1 %}" * 120 + "{% endif %}" * 120, "nests too many blocks", None),
    ],
)
def test_an_error_is_explained_with_its_line(sandbox, source, message, line):
    result = sandbox.render_many([job(source, 40, user={"name": "x"})])[0]
    assert isinstance(result, RenderError)
    assert message in result.message
    assert result.line == line
    assert bool(result.excerpt) == (line is not None)
    sandbox._breaker._deaths.clear()  # these deaths are spread over many runs in life


def test_what_cannot_be_stopped_from_inside_is_ended_from_outside_and_fails_alone(own):
    sandbox = own(1)
    started = time.monotonic()
    results = sandbox.render_many([job("{{ 1 }}"), job(STUCK), job("{{ 2 }}")])
    assert [type(result) for result in results] == [Rendered, RenderError, Rendered]
    assert time.monotonic() - started < 3


def test_a_killed_child_fails_only_the_job_it_was_at(own):
    sandbox = own(1)
    sandbox.render_many([job("{{ 1 }}")])
    victim = sandbox._pool._idle[0]
    threading.Timer(0.1, victim.kill).start()
    results = sandbox.render_many([job("{{ 1 }}"), job(SLOW), job("{{ 2 }}")])
    assert [getattr(result, "text", None) for result in results] == ["1", None, "2"]


def test_a_child_killed_between_runs_is_replaced_unseen(own):
    sandbox = own(1)
    sandbox.render_many([job("{{ 1 }}")])
    sandbox._pool._idle[0].kill()
    sandbox._pool._idle[0].process.wait()
    assert sandbox.render_many([job("{{ 2 }}")])[0] == Rendered("2", pytest.approx(0, abs=1e6))


def test_a_brain_that_keeps_dying_is_paused_with_a_clear_error(own):
    sandbox = own(1)
    results = sandbox.render_many([job(SLOW)] * (limits.DEATHS + 3))
    assert "ran longer" in results[0].message
    assert "rests for a moment" in results[-1].message
    assert sandbox.render_many([job("{{ 1 }}", 2)])[0].text == "1"


def test_the_breaker_closes_again_after_its_pause():
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(limits.DEATHS):
        assert not breaker.is_open(1)
        breaker.note_death(1)
        now[0] += 0.1
    assert breaker.is_open(1)
    assert not breaker.is_open(2)
    now[0] += limits.PAUSE_SECONDS
    assert not breaker.is_open(1)


def test_slow_deaths_open_no_breaker():
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(limits.DEATHS * 3):
        breaker.note_death(1)
        now[0] += limits.DEATHS_SECONDS
    assert not breaker.is_open(1)


def test_threads_share_a_sandbox(own):
    sandbox = own(2)
    found = {}

    def work(version):
        jobs = [job("{{ v }}-{{ n }}", version, v=version, n=n) for n in range(30)]
        found[version] = [result.text for result in sandbox.render_many(jobs)]

    threads = [threading.Thread(target=work, args=(version,)) for version in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {version: [f"{version}-{n}" for n in range(30)] for version in range(1, 6)}


def test_a_context_too_large_for_a_packet_is_refused_in_words(sandbox):
    results = sandbox.render_many([job("{{ x }}", x="y" * limits.PACKET_BYTES), job("{{ 1 }}")])
    assert "too large" in results[0].message
    assert results[1].text == "1"


def test_a_check_reads_and_never_runs(sandbox):
    assert sandbox.check_template("{{ not_there }}" + SLOW) is None
    broken = sandbox.check_template("ok\n{{ 1 +")
    assert broken
    assert broken.line == 2


def test_a_broken_template_stays_broken_when_its_source_is_not_sent_again(sandbox):
    results = sandbox.render_many([job("{{ 1 +", 41), job("{{ 1 +", 41)])
    assert len({result.message for result in results}) == 1


def test_text_from_a_child_can_be_stored(sandbox):
    assert sandbox.render_many([job("{{ x }}", x="a\0b\ud800c")])[0].text == "a\ufffdb?c"


def test_a_closed_sandbox_answers_with_an_error(own):
    sandbox = own(1)
    before = children()
    sandbox.render_many([job("{{ 1 }}")])
    sandbox.close()
    assert isinstance(sandbox.render_many([job("{{ 1 }}")])[0], RenderError)
    assert not children() - before


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
    import sys

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
    import struct

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
