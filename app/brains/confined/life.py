"""Main loop of a child: warm-up, confinement, then one job after another from descriptor 0; the time limits.

Host to child, marshal: ("code", key, bytes), ("run", number, language, key, data, measure),
("compile", number, language, source), ("answer", value, error). Child to host, JSON: {"n", "ok"...},
{"n", "err"...}, {"n", "call"...}; compiled code goes raw behind a `C`; what is neither is a crash report.
"""

import _io
import faulthandler
import json
import marshal
import os
import resource
import signal
import sys
import time

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import CallError, LimitReachedError, OutOfTimeError, TooManyCallsError
from .report import describe

_SOCKET = 0
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
# What ends a child besides the clocks: after these its state cannot be trusted to be as it was.
_FATAL = (OutOfTimeError, MemoryError, RecursionError)
_PAGE_KB = resource.getpagesize() // 1024
_MAX_CALL_ATTEMPTS = 4 * limits.CALLS  # calls, most of them refused and the refusal ignored
_MIN_TIMER_S = 0.0001  # seconds
_MAX_ALARMS = 5  # rings of the clock on the wall
_OUR_FRAMES = 12  # below the operator's first
_DEPTHS = {"script": limits.RECURSION, "template": limits.TEMPLATE_RECURSION}


class Clocks:
    """Two of three time limits: the soft one raises, processor time reports the line and ends (specs: sandbox 5)."""

    def __init__(self) -> None:
        self._running = False
        self._rings = 0
        self._due = self._last = self._paused = 0.0
        signal.signal(signal.SIGALRM, self._handle_alarm)
        faulthandler.enable(file=_SOCKET, all_threads=False)
        faulthandler.register(signal.SIGPROF, file=_SOCKET, all_threads=False, chain=True)

    def _handle_alarm(self, _number, _frame):  # noqa: ANN001, ANN202
        # A machine busy elsewhere lets the clock on the wall run on: only time on a processor is the script's own.
        if self._running and (time.process_time() >= self._due or time.monotonic() >= self._last):
            self._rings += 1
            if self._rings > _MAX_ALARMS:
                # Code that answers each ring with more work, such as "finally": say where, and be gone.
                faulthandler.dump_traceback(_SOCKET, all_threads=False)
                os._exit(1)
            raise OutOfTimeError

    def start(self) -> None:
        """Start both clocks for one job."""
        self._running = True
        self._rings = 0
        self._due = time.process_time() + limits.SOFT_SECONDS
        self._last = time.monotonic() + limits.SOFT_BUSY_SECONDS
        signal.setitimer(signal.ITIMER_PROF, limits.CPU_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, limits.SOFT_SECONDS, limits.SOFT_AGAIN_SECONDS)

    def stop(self) -> None:
        """Stop both clocks, also when one expires meanwhile."""
        while self._running:
            try:  # noqa: SIM105  contextlib would be one more module in every child
                self._running = False
            except OutOfTimeError:
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)

    def pause(self) -> float:
        """Pause the wall clock while the host works; return the seconds left."""
        left = signal.setitimer(signal.ITIMER_REAL, 0)[0]
        self._paused = time.monotonic()
        return left

    def resume(self, left: float) -> None:
        """Resume the wall clock with the seconds left."""
        self._last += time.monotonic() - self._paused
        # Never nothing, which would stop it; hardly more than is left, or short turns between calls never end.
        signal.setitimer(signal.ITIMER_REAL, max(left, _MIN_TIMER_S), limits.SOFT_AGAIN_SECONDS)


class Child:
    """Child process: prepared once by the zygote, inherited by every fork."""

    def __init__(self, modules, confinement) -> None:  # noqa: ANN001
        self._confinement = confinement
        self._languages = {}
        self._compilers = {}
        for module in modules:
            if hasattr(module, "LANGUAGE"):
                self._languages[module.LANGUAGE.name] = module.LANGUAGE
            if hasattr(module, "COMPILER"):
                self._compilers[module.COMPILER.name] = module.COMPILER
        self._codes = {}
        self._loaded = {}
        self._later = []
        self._last_practice = []
        self._number = self._asked = 0
        # Read into one buffer: a new one for every packet would be mapped, and its pages faulted in, each time.
        self._buffer = memoryview(bytearray(limits.ANSWER_BYTES))
        self._input = _io.FileIO(_SOCKET, "rb", closefd=False)
        self._write = os.write
        self._clocks = Clocks()

    def warm_up(self) -> None:
        """Run harmless jobs, so that everything Python loads lazily is loaded before files become unreachable."""
        for name, compiler in self._compilers.items():
            self._run_warm_up([("compile", 0, name, source) for source in compiler.warm_up()])
        for name, language in self._languages.items():
            for code, data in language.warm_up():
                jobs = [("code", "warm", code), ("run", 0, name, "warm", data, False)]
                self._run_warm_up(jobs)
                # The last one is what every fresh child does once, so that its pages are its own before they matter.
                self._last_practice = jobs

    def _run_warm_up(self, jobs: list) -> None:
        self._write = _discard_output
        for job in jobs:
            packet = marshal.dumps(job)
            self._buffer[: len(packet)] = packet
            self._execute(marshal.loads(self._buffer[: len(packet)]))  # noqa: S302  our own words
        self._loaded.clear()
        self._write = os.write

    def test_confinement(self) -> None:
        """Apply full confinement and run the warm-up; the exit of this throw-away child tells whether that works."""
        self._confinement.seal_child()
        self.warm_up()
        os._exit(0)

    def serve_jobs(self) -> None:
        """Apply the full confinement and run jobs until the host hangs up, or one of them must be the last."""
        self._run_warm_up(self._last_practice)
        self._confinement.seal_child()
        while packet := self._receive():
            if self._execute(packet):
                os._exit(1)
        os._exit(0)

    def _receive(self):  # noqa: ANN202
        if self._later:
            return self._later.pop(0)
        size = self._input.readinto(self._buffer)
        # Only the host can write to this socket.
        return marshal.loads(self._buffer[:size]) if size else None  # noqa: S302

    def _execute(self, packet):  # noqa: ANN001, ANN202
        """Execute one packet; return true when this job must be the last."""
        what = packet[0]
        if what == "code":
            self._codes[packet[1]] = packet[2]
            return False
        self._number = packet[1]
        busy = time.process_time()
        answer = self._compile(*packet[2:]) if what == "compile" else self._run(*packet[2:])
        answer["n"] = self._number
        use = answer.setdefault("use", {})
        use["cpu_ms"] = round((time.process_time() - busy) * 1000, 3)
        self._send(answer)
        return answer.get("fatal", False)

    def _send(self, answer) -> None:  # noqa: ANN001
        try:
            packet = _encode(answer).encode()
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            packet = _encode({"n": self._number, "err": describe(error, ""), "fatal": True}).encode()
        if len(packet) > limits.PACKET_BYTES:
            late = LimitReachedError(f"All effects together grew beyond {limits.PACKET_BYTES // 1024} KB.")
            packet = _encode({"n": self._number, "err": describe(late, ""), "fatal": True}).encode()
        self._write(_SOCKET, packet)

    def _compile(self, name, source):  # noqa: ANN001, ANN202
        try:
            try:
                self._clocks.start()
                code, nodes = self._compilers[name].compile(source)
            finally:
                self._clocks.stop()
        except BaseException as error:  # noqa: BLE001  the border of operators' text
            self._clocks.stop()
            return {"err": describe(error, self._compilers[name].file), "fatal": isinstance(error, _FATAL)}
        if len(code) > limits.CODE_BYTES:
            late = LimitReachedError("This is too complex. Make it shorter or split it.")
            return {"err": describe(late, "")}
        self._write(_SOCKET, b"C" + code)
        facts = self._compilers[name].facts
        return {"ok": {"facts": facts}, "use": {"source": len(source), "nodes": nodes}}

    def _run(self, name, key, data, measure):  # noqa: ANN001, ANN202
        """Run one job; every error becomes a report with lines (a border where everything is caught)."""
        language = self._languages[name]
        language.output.clear()
        gauge = _Gauge() if measure else None
        self._asked = 0
        try:
            try:
                sys.setrecursionlimit(_DEPTHS[name] + _OUR_FRAMES)
                self._clocks.start()
                runnable = self._loaded.get(key)
                if runnable is None:
                    runnable = self._loaded[key] = language.load(self._codes.pop(key))
                if gauge:
                    gauge.start()
                ok = language.run(runnable, data, self._call)
            finally:
                self._clocks.stop()
                if gauge:
                    gauge.stop()
            answer = {"ok": ok}
        except BaseException as error:  # noqa: BLE001  the border of operators' code
            self._clocks.stop()
            answer = {
                "err": describe(error, language.file),
                "fx": language.effects,
                "fatal": isinstance(error, _FATAL),
            }
        if language.output.size:
            answer["out"] = language.output.text
        if gauge:
            answer["use"] = gauge.read_usage()
        return answer

    def _call(self, method, arguments):  # noqa: ANN001, ANN202
        """Call the host with the wall clock paused. Raises CallError with the host's reason."""
        self._asked += 1
        if self._asked > _MAX_CALL_ATTEMPTS:
            raise TooManyCallsError(f"A run may make {limits.CALLS} calls at most.")
        left = self._clocks.pause()
        self._write(_SOCKET, _encode({"n": self._number, "call": method, "args": arguments}).encode())
        while (packet := self._receive_answer()) is None:
            pass
        self._clocks.resume(left)
        _, value, error = packet
        if error:
            raise CallError(error)
        return value

    def _receive_answer(self):  # noqa: ANN202
        """Receive one packet; a job that was sent ahead is kept until this one is done."""
        size = self._input.readinto(self._buffer)
        if not size:
            os._exit(0)
        packet = marshal.loads(self._buffer[:size])  # noqa: S302  only the host can write to this socket
        if packet[0] == "answer":
            return packet
        self._later.append(packet)
        return None


class _Gauge:
    """Meter of memory and call depth of one run; too slow for live messages, used in test runs."""

    def __init__(self) -> None:
        self._before = resource.getrusage(resource.RUSAGE_SELF)
        self._deep = self._deepest = 0

    def start(self) -> None:
        sys.setprofile(self._count)

    def stop(self) -> None:
        sys.setprofile(None)

    def _count(self, _frame, event, _argument) -> None:  # noqa: ANN001
        if event == "call":
            self._deep += 1
            self._deepest = max(self._deepest, self._deep)
        elif event == "return":
            self._deep -= 1

    def read_usage(self) -> dict:
        """Return the measured values as usage."""
        now = resource.getrusage(resource.RUSAGE_SELF)
        # A little memory only takes the place of pages shared with the zygote: then its pages tell, each faulted in.
        touched_kb = min((now.ru_minflt - self._before.ru_minflt) * _PAGE_KB, 1024)
        grown = max(now.ru_maxrss - self._before.ru_maxrss, touched_kb)
        return {"memory_mb": round(grown / 1024, 2), "recursion": self._deepest}


def _discard_output(_descriptor, _words) -> None:  # noqa: ANN001
    """Replacement for the socket during the warm-up."""
