"""Static files: their addresses, integrity, compression and caching (specs: ui 3)."""

import gzip
import hashlib
import json
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request, send_from_directory, url_for
from markupsafe import Markup

from app.settings import ROOT

# Short names for vendored files, so that a new version is a change in one place.
VENDORED = {
    "tabler.css": "vendor/tabler-1.6.1.min.css",
    "htmx.js": "vendor/htmx-4.0.1.min.js",
    "socket.io.js": "vendor/socket.io-4.8.4.min.js",
    "uplot.js": "vendor/uplot-1.6.32.min.js",
    "uplot.css": "vendor/uplot-1.6.32.min.css",
    "codemirror.js": "vendor/codemirror-6.0.2.min.js",
}
OWN = frozenset(
    {"commands.css", "commands.js", "importing.css"}
    | {"analytics.css", "analytics.js", "taking.js"}
    | {"playground.css", "playground.js", "desk.css", "desk.js", "trace.css", "privacy.css"}
    | {"inbox.css", "inbox.js"}
    | {"editor.css", "editor.js", "editor-words.js"}
    | {"app.css", "app.js", "theme.js", "icons.svg", "mark.svg", "palette.css", "palette.js", "shortcuts.js"}
)
FOREVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Serve static files compressed and cached, and give templates `asset`, `integrity` and `icon`."""
    app.view_functions["static"] = static_file
    app.jinja_env.globals.update(asset=asset, integrity=integrity, icon=icon)


def asset(name: str) -> str:
    """Return the address of a static file; it changes when the file does."""
    path = VENDORED.get(name, name)
    if path != name:
        return url_for("static", filename=path)
    return url_for("static", filename=path, v=_fingerprint(_folder() / path, current_app.debug))


def integrity(name: str) -> str:
    """Return the sha384 of a vendored file, as locked."""
    return _locked()[f"app/static/{VENDORED[name]}"]


def icon(name: str, label: str = "") -> Markup:
    """Return an icon of the sprite; without a label it is decoration."""
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(
        spoken, asset("icons.svg"), name
    )


def static_file(filename: str) -> Response:
    """Send a static file: the compressed twin when there is one and the browser takes it."""
    response = _packed(filename) if "gzip" in request.accept_encodings else None
    if response is None:
        response = send_from_directory(_folder(), filename, mimetype=_type(filename))
    response.headers["Vary"] = "Accept-Encoding"
    if filename.startswith("vendor/") or "v" in request.args:
        response.headers["Cache-Control"] = FOREVER
    return response


def _packed(filename: str) -> Response | None:
    """Answer with the twin made when the file was vendored; our own small files are packed here, once."""
    folder = _folder()
    if (folder / f"{filename}.gz").is_file():
        response = send_from_directory(folder, f"{filename}.gz", mimetype=_type(filename))
    elif filename in OWN:
        response = Response(_gzipped(folder / filename, current_app.debug), mimetype=_type(filename))
    else:
        return None
    response.headers["Content-Encoding"] = "gzip"
    return response


def _gzipped(path: Path, changing: bool) -> bytes:
    return gzip.compress(path.read_bytes()) if changing else _gzip_once(path)


@lru_cache
def _gzip_once(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def _folder() -> Path:
    return Path(current_app.static_folder or ROOT / "app/static")


def _type(filename: str) -> str | None:
    # Guessing by name would call the twin of a script an archive.
    return {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}.get(Path(filename).suffix)


@lru_cache
def _locked() -> dict[str, str]:
    lock = json.loads((ROOT / "vendor.lock.json").read_text())
    return {
        path: file["integrity"]
        for entry in [*lock["packages"], *lock["bundles"]]
        for path, file in entry["files"].items()
    }


def _fingerprint(path: Path, changing: bool) -> str:
    return _hash(path) if not changing else str(path.stat().st_mtime_ns)


@lru_cache
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
