import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask import Flask

from app.admin.ui import assets
from app.settings import ROOT
from tests.admin.browser import Browser

STATIC = ROOT / "app/static"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
SHEETS = sorted((STATIC / "css").rglob("*.css"))
TEMPLATES = "\n".join(path.read_text() for path in sorted((ROOT / "app/templates").rglob("*.html")))
IMPORT = re.compile(r'^import (?:([^"]+?) from )?"(\./[\w/.]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:const|let|function|class) (\w+)", re.MULTILINE)
# Runs before the first paint, and so is no module: one block, whose names nobody else sees.
BEFORE_PAINT = STATIC / "js/theme.js"


def name(path: Path) -> str:
    return path.relative_to(STATIC).as_posix()


def imports_of(path: Path) -> dict[Path, str]:
    """Return the modules that a script imports, with the names it takes of each."""
    return {
        (path.parent / source).resolve(): names or "" for names, source in IMPORT.findall(path.read_text())
    }


def fetch(owner: Browser, address: str) -> tuple[int, str]:
    """Return how many bytes a file takes on its way, and where it may be kept how long."""
    answer = owner.client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    found = len(answer.data), answer.headers["Cache-Control"]
    answer.close()
    return found


def test_the_first_page_is_light(owner: Browser):
    page = owner.get("/dashboard").text
    wanted = [path.split("#")[0] for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page)]
    fetched: dict[str, int] = {}
    while wanted:
        address = wanted.pop()
        if address in fetched:
            continue
        fetched[address], cache = fetch(owner, address)
        assert "immutable" in cache
        if "/js/" in address:
            text = (STATIC / "js" / address.rpartition("/")[2]).read_text()
            wanted += [urljoin(address, source) for _, source in IMPORT.findall(text)]
    assert len(fetched) == 26
    assert sum(fetched.values()) < 160_000


def test_every_vendored_file_is_as_it_was_locked():
    check = [sys.executable, "tools/vendor.py", "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "Vendored files match their lock.\n"


def test_vendored_files_are_compressed_and_kept_for_ever(owner: Browser):
    answer = owner.client.get("/static/vendor/htmx-4.0.1.min.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.mimetype == "text/javascript"
    answer.close()


def test_a_file_of_another_version_is_sent_but_not_kept(owner: Browser):
    now = re.search(r"/static/v/[0-9a-f]{12}/js/shell\.js", owner.get("/dashboard").text)
    assert now
    assert fetch(owner, now.group())[1] == assets.CACHE_IMMUTABLE
    for other in ("/static/v/0123456789ab/js/shell.js", "/static/js/shell.js", "/static/icons.svg"):
        assert fetch(owner, other)[1] == "no-cache"


@pytest.mark.parametrize(
    "path", ["v/0123456789ab/../../settings.py", "v/0123456789ab/no/such.js", "../settings.py", "js"]
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_only_static_files_are_sent(owner: Browser, path: str, encoding: str):
    answer = owner.client.get(f"/static/{path}", headers={"Accept-Encoding": encoding})
    assert answer.status_code == 404


@pytest.mark.parametrize("debug", [False, True])
def test_all_addresses_change_when_one_of_our_files_does(tmp_path: Path, debug: bool):
    addresses = []
    for text in ("let a;", "let b;"):
        # A process reads a folder once, so a deployment is another folder; in development the running one notices.
        folder = tmp_path if debug else tmp_path / str(len(addresses))
        (folder / "js").mkdir(parents=True, exist_ok=True)
        (folder / "vendor").mkdir(exist_ok=True)
        (folder / "vendor/library.js").write_text("1")
        (folder / "js/one.js").write_text(text)
        app = Flask("app", static_folder=str(folder), static_url_path="/static")
        app.debug = debug
        for _ in range(2):
            with app.test_request_context():
                addresses.append(assets.get_asset_url("js/two.js"))
    assert addresses[0] == addresses[1] != addresses[2] == addresses[3]


@pytest.mark.parametrize("path", [*SCRIPTS, *SHEETS], ids=name)
def test_a_script_or_sheet_has_at_most_300_lines(path: Path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_shares_names_only_by_import_and_export(path: Path):
    text = path.read_text()
    assert not re.search(r"\b(?:window|globalThis|self|top|parent)(?:\.\w+|\[.+?\])\s*=(?!=)", text)
    if path == BEFORE_PAINT:
        code = [line for line in text.splitlines() if not line.startswith("//")]
        assert (code[0], code[-1]) == ("{", "}")
        assert all(not line or line.startswith("  ") for line in code[1:-1])
    else:
        assert re.search(r"^(?:import|export) ", text, re.MULTILINE)


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_imports_what_another_exports(path: Path):
    for source, names in imports_of(path).items():
        assert source in SCRIPTS
        wanted = re.findall(r"\w+", names) if names.startswith("{") else []
        assert set(wanted) <= set(EXPORT.findall(source.read_text()))
        # Nothing is imported for nothing.
        used = [*wanted, *re.findall(r"^\* as (\w+)", names)]
        assert [each for each in used if len(re.findall(rf"\b{each}\b", path.read_text())) < 2] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_an_export_is_imported(path: Path):
    importing = [each for each in SCRIPTS if path in imports_of(each)]
    for exported in EXPORT.findall(path.read_text()):
        assert any(re.search(rf"\b{exported}\b", each.read_text()) for each in importing), exported


def test_pages_load_our_scripts_as_modules():
    for tag in re.findall(r"<script\b[^>]*>", TEMPLATES):
        if "asset('js/" in tag and name(BEFORE_PAINT) not in tag:
            assert tag.startswith('<script type="module" ')


@pytest.mark.parametrize("path", [*SCRIPTS, *SHEETS], ids=name)
def test_a_script_or_sheet_is_used_by_a_page_or_a_module(path: Path):
    imported = {source for script in SCRIPTS for source in imports_of(script)}
    assert f"asset('{name(path)}')" in TEMPLATES or path in imported


def test_a_running_process_sends_what_its_version_says(tmp_path: Path):
    (tmp_path / "one.js").write_text("let a;")
    app = Flask("app", static_folder=str(tmp_path), static_url_path="/static")
    assets.init_app(app)
    with app.test_request_context():
        address = assets.get_asset_url("one.js")
    (tmp_path / "one.js").write_text("let b;")
    answer = app.test_client().get(address)
    assert (answer.text, answer.headers["Cache-Control"]) == ("let a;", assets.CACHE_IMMUTABLE)
