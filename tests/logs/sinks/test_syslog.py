"""Syslog as RFC 5424 has it, read by Debian's rsyslog over plain TCP; frames, escapes, the size of a message."""

import re
from pathlib import Path

from app.logs.sinks.contract import SinkContext
from app.logs.sinks.syslog import SyslogConfig, SyslogSink, frame_message
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import LineServer, Rsyslog, running, wait_until


def test_rsyslog_reads_every_part(tmp_path: Path):
    with running(Rsyslog(tmp_path / "rsyslog")) as server:
        config = SyslogConfig(host="127.0.0.1", port=server.port, tls=False, facility=17, app_name="bots")
        sink = SyslogSink.open(config, SinkContext("i", tmp_path, allow_private=True, host_name="my host"))
        sink.send([
            make_event(1, level=17, text='a "quote" ]', chat_id='c"]\\', data={"n": 1}),
            make_event(2, level=21, text="two\nlines"),
            make_event(3, text="x" * 20_000),
        ])  # fmt: skip
        wait_until(lambda: len(server.read_objects()) == 3)
        first, second, third = server.read_objects()
    assert (first["severity"], first["facility"], first["app"], first["source"]) == (
        "3",
        "17",
        "bots",
        "shop",
    )
    assert first["text"].endswith('a "quote" ] {"n":1}')
    assert first["element"] == r'[brainbox@32473 id="e1" chat_id="c\"\]\\"]'
    assert first["at"].startswith("2026-05-28T20:26:40.001")
    assert second["severity"] == "0"
    assert re.search(r"two(\n|\\n|#012)lines", second["text"])
    assert len(third["text"]) < 8_000


def test_a_message_stands_behind_its_length_in_bytes():
    assert frame_message("ü".encode()) == b"2 \xc3\xbc"


def test_a_message_is_cut_between_characters(tmp_path: Path):
    with running(LineServer()) as server:
        config = SyslogConfig(host="127.0.0.1", port=server.port, tls=False, max_bytes=481)
        sink = SyslogSink.open(config, SinkContext("i", tmp_path, allow_private=True))
        sink.send([make_event(1, text="𝄞" * 1000 + "\n"), make_event(2, text="\n")])
        wait_until(lambda: len(server.lines) == 1)
    length, _, message = server.lines[0].partition(b" ")
    assert int(length) <= 481
    assert message[: int(length)].decode()
