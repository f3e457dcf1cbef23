"""Run the fake Graph API: `python -m bench.fake_graph --port 9000`, or `running(Options())` in a test.

Every option of the command and every control endpoint is described in bench/README.md.
"""

import argparse
import asyncio
import contextlib
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bench.graph import FakeGraph, Options
from bench.graph_statuses import StatusOptions

__all__ = ["FakeGraph", "Options", "StatusOptions", "ThreadedGraph", "main", "running"]

T = TypeVar("T")


class ThreadedGraph(FakeGraph):
    """A fake Graph whose loop runs in a thread of its own."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-graph", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the fake's loop and wait for it, 10 s at most."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def join(self) -> None:
        """Stop serving and end the thread."""
        self.run(self.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def running(options: Options, port: int = 0) -> Iterator[ThreadedGraph]:
    """Run a fake Graph in a thread for the length of a `with` block."""
    graph = ThreadedGraph(options)
    try:
        graph.run(graph.start(port))
        yield graph
    finally:
        graph.join()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.fake_graph", description="A fake Graph API.")
    defaults = Options()
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--seconds", type=float, default=86400, help="stop after so long")
    parser.add_argument("--token", default="", help="the only Bearer token taken (default: any)")
    parser.add_argument("--phone", action="append", default=[], help="a number id that exists (default: any)")
    for name in ("latency_ms", "jitter_ms", "error_rate", "throttle_share", "drop_rate"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=float, default=getattr(defaults, name))
    parser.add_argument("--retry-after", type=int, help="seconds told with a 429")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument(
        "--validate", type=Path, metavar="SCHEMA", help="refuse what this JSON Schema refuses"
    )
    parser.add_argument("--status-url", help="post status webhooks there (a loopback address)")
    parser.add_argument("--app-secret", default="", help="signs the status webhooks")
    parser.add_argument("--status-delay", type=float, default=0.1, help="seconds to the first status")
    parser.add_argument("--status-batch", type=int, default=4, help="most statuses in one webhook")
    return parser


def _options(args: argparse.Namespace) -> Options:
    return Options(
        token=args.token,
        phones=frozenset(args.phone),
        latency_ms=args.latency_ms,
        jitter_ms=args.jitter_ms,
        error_rate=args.error_rate,
        throttle_share=args.throttle_share,
        retry_after=args.retry_after,
        drop_rate=args.drop_rate,
        seed=args.seed,
        schema=args.validate,
    )


def _status_options(args: argparse.Namespace) -> StatusOptions | None:
    if not args.status_url:
        return None
    url = urlsplit(args.status_url)
    if url.hostname not in ("127.0.0.1", "localhost") or url.port is None:
        raise SystemExit(
            "--status-url must be a loopback address with a port, e.g. http://127.0.0.1:8000/webhooks/whatsapp"
        )
    return StatusOptions(
        port=url.port,
        path=url.path,
        secret=args.app_secret,
        delay=args.status_delay,
        batch=args.status_batch,
    )


async def _serve(args: argparse.Namespace) -> None:
    graph = FakeGraph(_options(args))
    await graph.start(args.port)
    await graph.post_statuses(_status_options(args))
    print(f"fake Graph on {graph.url}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), args.seconds)
    await graph.stop()


def main() -> None:
    """Serve until the time is up, SIGINT or SIGTERM."""
    asyncio.run(_serve(_parser().parse_args()))


if __name__ == "__main__":
    main()
