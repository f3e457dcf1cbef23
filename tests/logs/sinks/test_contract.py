"""The contract of sinks, for each that is found: every event once and in order, refusals in plain words."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from pydantic import ValidationError

from app.logs.event import LogEvent
from app.logs.sinks.contract import SinkConfig, SinkContext, SinkError, SinkKind
from app.logs.sinks.registry import load_kinds
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import HOST, Certificates, Collector, LineServer, Rsyslog, wait_until

KINDS = list(load_kinds().values())
EVENTS = [
    make_event(n, level=(1, 9, 13, 17, 21)[n % 5], source=("web", "shop")[n // 7 % 2], text=text, logger="app.x",
               message_id=str(n), data={"n": n, "nested": {"a": [1, None, True, 2.5, "x"]}})
    for n, text in enumerate(["plain", 'quotes " \\ ]', "two\nlines", "ü€𝄞", "<b>", "x" * 3000] * 8)
]  # fmt: skip


class Target:
    """A server of a sink: the settings that lead to it, and the ids it has taken, in its order."""

    def __init__(self, server: Any, config: dict[str, Any], read_ids: Callable[[], list[str]]) -> None:
        self.server = server
        self.config = config
        self.read_ids = read_ids


def build_collector(config: dict[str, Any], pem: Certificates, read: Callable[[Any], list[str]]) -> Target:
    server = Collector(pem.server)
    bodies = lambda: [json.loads(body) for _, _, body in server.requests]  # noqa: E731
    wanted = {**config, "url": server.url, "ca_certificate": pem.pem}
    return Target(server, wanted, lambda: [name for body in bodies() for name in read(body)])


def read_otlp(body: Any) -> list[str]:
    request = json_format.ParseDict(body, ExportLogsServiceRequest())
    records = [r for res in request.resource_logs for scope in res.scope_logs for r in scope.log_records]
    return [a.value.string_value for r in records for a in r.attributes if a.key == "log.record.uid"]


def build_lines(pem: Certificates) -> Target:
    server = LineServer(pem.server)
    config = {"host": HOST, "port": server.port, "ca_certificate": pem.pem}
    return Target(server, config, lambda: [each["id"] for each in server.read_objects()])


def build_syslog(folder: Path, pem: Certificates) -> Target:
    server = Rsyslog(folder / "rsyslog", pem)
    config = {"host": HOST, "port": server.port, "ca_certificate": pem.pem}

    def read() -> list[str]:
        return [re.findall(r'id="(\w+)"', each["element"])[0] for each in server.read_objects()]

    return Target(server, config, read)


class NoServer:
    """In the place of a server for sinks that need none."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def build_files(folder: Path) -> Target:
    def read() -> list[str]:
        lines = [
            line for path in folder.glob("logs/events-2*.jsonl") for line in path.read_text().splitlines()
        ]
        return [json.loads(line)["id"] for line in lines]

    return Target(NoServer(), {"file": "events"}, read)


def build_target(kind: type[SinkKind], folder: Path) -> Target:
    pem = Certificates(folder / "certificates")
    targets: dict[str, Callable[[], Target]] = {
        "datadog": lambda: build_collector(
            {"api_key": "k"}, pem, lambda body: [each["event_id"] for each in body]
        ),
        "json_files": lambda: build_files(folder),
        "json_lines": lambda: build_lines(pem),
        "otlp": lambda: build_collector({}, pem, read_otlp),
        "syslog": lambda: build_syslog(folder, pem),
        "webhook": lambda: build_collector({}, pem, lambda body: [each["id"] for each in body["events"]]),
    }
    assert kind.kind in targets, "a new kind of sink needs a server here that it can be tested with"
    return targets[kind.kind]()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def kind(request: pytest.FixtureRequest) -> type[SinkKind]:
    return request.param


@pytest.fixture
def target(kind: type[SinkKind], tmp_path: Path) -> Iterator[Target]:
    made = build_target(kind, tmp_path)
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture
def context(tmp_path: Path) -> SinkContext:
    return SinkContext("an installation", tmp_path, allow_private=True)


def open_sink(kind: type[SinkKind], target: Target, context: SinkContext) -> Any:
    return kind.open(kind.Config.model_validate(target.config), context)


def list_expected(events: list[LogEvent]) -> list[str]:
    return [event.event_id for event in events]


def test_a_kind_says_what_its_form_and_its_list_show(kind: type[SinkKind]):
    assert re.fullmatch(r"[a-z][a-z_]{1,39}", kind.kind)
    assert kind.title
    assert kind.description.endswith(".")
    assert f'id="{kind.icon}"' in Path("app/static/icons.svg").read_text()
    assert kind.secrets <= kind.Config.model_fields.keys()
    config = kind.Config.model_validate(dict(kind.sample_config))
    assert isinstance(config, SinkConfig)
    for field in kind.Config.model_fields.values():
        assert field.title


def test_an_unknown_setting_is_refused(kind: type[SinkKind]):
    with pytest.raises(ValidationError):
        kind.Config.model_validate({**kind.sample_config, "unknown": 1})


def test_opening_connects_nowhere_and_closing_needs_no_server(kind: type[SinkKind], context: SinkContext):
    sink = kind.open(kind.Config.model_validate(dict(kind.sample_config)), context)
    sink.close()


def test_every_event_arrives_once_and_in_order(kind: type[SinkKind], target: Target, context: SinkContext):
    sink = open_sink(kind, target, context)
    for first in range(0, len(EVENTS), 16):
        assert sink.send(EVENTS[first : first + 16]) == 0
    wait_until(lambda: len(target.read_ids()) >= len(EVENTS))
    sink.close()
    assert target.read_ids() == list_expected(EVENTS)


def test_without_its_server_the_reason_is_in_plain_words(kind: type[SinkKind], tmp_path: Path):
    target = build_target(kind, tmp_path)
    if isinstance(target.server, NoServer):
        return
    sink = open_sink(kind, target, SinkContext("an installation", tmp_path, allow_private=True))
    with pytest.raises(SinkError, match="cannot be reached: nobody listens there") as refused:
        sink.send(EVENTS[:2])
    assert "Error" not in str(refused.value)


def test_a_stopped_server_gets_the_rest_when_it_is_back(
    kind: type[SinkKind], target: Target, context: SinkContext
):
    if isinstance(target.server, NoServer):
        return
    sink = open_sink(kind, target, context)
    sink.send(EVENTS[:10])
    wait_until(lambda: len(target.read_ids()) == 10)
    target.server.stop()
    with pytest.raises(SinkError):
        sink.send(EVENTS[10:20])
    target.server.start()
    sink.send(EVENTS[10:20])
    wait_until(lambda: len(target.read_ids()) >= 20)
    assert target.read_ids() == list_expected(EVENTS[:20])


def test_a_private_address_is_not_asked_without_leave(kind: type[SinkKind], target: Target, tmp_path: Path):
    if isinstance(target.server, NoServer):
        return
    sink = open_sink(kind, target, SinkContext("an installation", tmp_path))
    with pytest.raises(SinkError, match=r"not public.*LOG_ALLOW_PRIVATE"):
        sink.send(EVENTS[:1])
    assert target.read_ids() == []


def test_a_certificate_nobody_vouches_for_is_not_trusted(
    kind: type[SinkKind], target: Target, context: SinkContext
):
    if isinstance(target.server, NoServer):
        return
    bare = kind.Config.model_validate({**target.config, "ca_certificate": ""})
    with pytest.raises(SinkError, match="cannot be trusted"):
        kind.open(bare, context).send(EVENTS[:1])
    assert target.read_ids() == []
