"""Pages measured: `python -m bench.pages [--messages 10000]` prints the CPU, queries and bytes of each as Markdown.

A year of messages is made in a database of its own, and the application answers in this process: CPU is that of the
answering thread, so that neither network nor neighbours count, but for what they take of the processor's caches.
"""

import argparse
import gzip
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import event

from app import create_app, tables  # noqa: F401  every table registers itself when it is imported
from app.accounts.users import Passwords, create_user
from app.brains.versions import store
from app.settings import Settings
from bench.processes import unwind_on_sigterm
from bench.queries import NOW, build, databases
from bench.report import NOTE, machine

PASSWORD: Final = "correct horse battery staple"
TIMES: Final = 30
PAGES: Final = {
    "dashboard": "/dashboard",
    "inbox": "/chats/",
    "inbox: search": "/chats/?search=wat",
    "chat": "/chats/1",
    "analytics: 90 days": "/analytics/?range=quarter",
    "analytics: year": "/analytics/?range=year",
    "failures": "/failures/",
    "brains": "/brains/",
    "brain": "/brains/shop",
    "versions": "/brains/shop/versions",
    "connections": "/connections/",
    "notices": "/notices/",
}
_TOKEN: Final = re.compile(r'name="csrf_token" value="([^"]+)"')


@contextmanager
def count_queries(engine: Any) -> Iterator[list[str]]:
    """Collect the statements that are executed meanwhile."""
    found: list[str] = []

    def note(_db: object, _cursor: object, text: str, *_: object) -> None:
        found.append(text)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def sign_in(app: Any) -> FlaskClient:
    """Make an owner and a brain, and return a browser in which the owner is signed in."""
    services = app.extensions["services"]
    services.database.write(
        lambda s: create_user(s, Passwords(), email="owner@example.com", password=PASSWORD, now=NOW)
    )
    commands = [
        {
            "id": f"c_{number}",
            "name": f"command {number}",
            "trigger": {"kind": "exact", "texts": [f"word {number}"]},
            "action": {"kind": "reply", "template": "You said {{ message.text }}"},
        }
        for number in range(40)
    ]
    document = {"brain": "shop", "title": "Shop", "commands": commands}
    services.database.write(lambda s: store.create_brain(s, "shop", "Shop", document, NOW))
    client = app.test_client()
    token = _TOKEN.search(client.get("/login").get_data(as_text=True))
    form = {"email": "owner@example.com", "password": PASSWORD, "csrf_token": token[1] if token else ""}
    answer = client.post("/login", data=form)
    if answer.status_code != 302:
        raise RuntimeError(f"the sign-in was answered with {answer.status}")
    return client


def measure(client: FlaskClient, engine: Any, address: str) -> list[str]:
    """Return the cells of a page: median and 95th percentile of its CPU (ms), queries, bytes, bytes compressed."""
    took: list[float] = []
    body, queries = b"", 0
    for number in range(-3, TIMES):
        with count_queries(engine) as found:
            began = time.thread_time()
            answer = client.get(address)
            body = answer.get_data()
            if number >= 0:
                took.append(1000 * (time.thread_time() - began))
        if answer.status_code != 200:
            raise RuntimeError(f"{address} was answered with {answer.status}")
        queries = len(found)
    slow = sorted(took)[int(0.95 * len(took))]
    packed = len(gzip.compress(body, 5))
    return [f"{statistics.median(took):.1f}", f"{slow:.1f}", str(queries), f"{len(body):,}", f"{packed:,}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--only", choices=("sqlite", "postgres"), default="sqlite")
    args = parser.parse_args()
    unwind_on_sigterm()
    folder = Path(tempfile.mkdtemp(prefix="brainbox-pages-"))
    folder.chmod(0o711)
    print(f"{args.messages:,} messages; {TIMES} times each.\n")
    print(
        "| page | CPU, median, ms | CPU, p95, ms | queries | bytes | bytes compressed |\n|---|---|---|---|---|---|"
    )
    try:
        with databases(folder, args.only) as urls:
            for url in urls.values():
                engine, database, _ = build(url, folder, args.messages)
                database.writer.close()
                engine.dispose()
                settings = Settings(
                    brainbox_data=folder,
                    secret_key="a secret key of the bench",
                    database_url=url,
                    redis_url="",
                )
                app = create_app(settings)
                client = sign_in(app)
                for name, address in PAGES.items():
                    cells = measure(client, app.extensions["services"].database.engine, address)
                    print(f"| {name} | {' | '.join(cells)} |", flush=True)
                app.extensions["services"].close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{machine()}.\n{NOTE}")


if __name__ == "__main__":
    main()
