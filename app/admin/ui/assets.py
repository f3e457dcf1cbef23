"""Static files: URLs by version, integrity hashes, compression and caching (specs: ui 3, docs/decisions/0015).

Our own files lie below one folder named for the content of all of them, so that a module's relative imports
lead to files of the same version and each of them can be kept for ever.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, g, request, send_from_directory, url_for
from markupsafe import Markup

from app.immutable import immutable
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
CACHE_IMMUTABLE = "public, max-age=31536000, immutable"
_VERSIONED = re.compile(r"v/([0-9a-f]{12})/(.+)")


@immutable
class OwnFiles:
    """Our own static files; `version`: 12 hex digits of the hash of them all, `contents`: by path."""

    # Read together: what is exchanged on disk below a running process never gets the address of another version.
    version: str
    contents: Mapping[str, bytes]


def init_app(app: Flask) -> None:
    """Serve static files compressed and cached, and give templates `asset`, `integrity` and `icon`."""
    app.view_functions["static"] = send_static_file
    app.jinja_env.globals.update(asset=get_asset_url, integrity=get_integrity, icon=render_icon)


def get_asset_url(name: str) -> str:
    """Return the address of a static file; it changes when the file, or another one of ours, does."""
    path = VENDORED.get(name)
    return url_for("static", filename=path or f"v/{_get_own_files().version}/{name}")


def get_integrity(name: str) -> str:
    """Return the sha384 of a vendored file, as locked."""
    return _load_lock()[f"app/static/{VENDORED[name]}"]


def render_icon(name: str, label: str = "") -> Markup:
    """Return an icon of the sprite; without a label it is decoration."""
    # A page has a hundred icons, and one address of the sprite.
    if "sprite" not in g:
        g.sprite = get_asset_url("icons.svg")
    return _build_icon(g.sprite, name, label)


@lru_cache(maxsize=2048)
def _build_icon(sprite: str, name: str, label: str) -> Markup:
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(spoken, sprite, name)


def send_static_file(filename: str) -> Response:
    """Send a static file, compressed when the browser takes that."""
    versioned = _VERSIONED.fullmatch(filename)
    version, path = versioned.groups() if versioned else ("", filename)
    own = _get_own_files()
    response = _send_own(own, path) if path in own.contents else _send_vendored(path)
    response.headers["Vary"] = "Accept-Encoding"
    # A page of another version may ask for files that are no longer, or not yet, what their address says.
    lasting = path.startswith("vendor/") or version == own.version
    response.headers["Cache-Control"] = CACHE_IMMUTABLE if lasting else "no-cache"
    return response


def _send_own(own: OwnFiles, path: str) -> Response:
    if "gzip" not in request.accept_encodings:
        return Response(own.contents[path], mimetype=_get_type(path))
    response = Response(_compress(own.contents[path]), mimetype=_get_type(path))
    response.headers["Content-Encoding"] = "gzip"
    return response


def _send_vendored(path: str) -> Response:
    """Answer with the twin made when the file was vendored, if the browser takes it and there is one."""
    folder = _get_folder()
    if "gzip" not in request.accept_encodings or not (folder / f"{path}.gz").is_file():
        return send_from_directory(folder, path, mimetype=_get_type(path))
    response = send_from_directory(folder, f"{path}.gz", mimetype=_get_type(path))
    response.headers["Content-Encoding"] = "gzip"
    return response


@lru_cache(maxsize=256)
def _compress(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _get_folder() -> Path:
    return _find_folder(current_app.static_folder)


@lru_cache
def _find_folder(static_folder: str | None) -> Path:
    # Made once: every address of a file asks for it.
    return Path(static_folder or ROOT / "app/static")


def _get_own_files() -> OwnFiles:
    """Return our own files as this process read them first; in development as they are at this request."""
    if not current_app.debug:
        return _load_once(_get_folder())
    if "own_files" not in g:
        g.own_files = _load_files(_get_folder())
    return g.own_files


def _load_files(folder: Path) -> OwnFiles:
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    contents = {
        name.as_posix(): path.read_bytes()
        for name, path in sorted(found.items())
        if name.parts[0] != "vendor"
    }
    hashed = hashlib.sha256()
    for name, content in contents.items():
        hashed.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return OwnFiles(hashed.hexdigest()[:12], contents)


_load_once = lru_cache(_load_files)


def _get_type(filename: str) -> str | None:
    # Guessing by name would call the twin of a script an archive.
    return {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}.get(Path(filename).suffix)


@lru_cache
def _load_lock() -> dict[str, str]:
    lock = json.loads((ROOT / "vendor.lock.json").read_text())
    return {
        path: file["integrity"]
        for entry in [*lock["packages"], *lock["bundles"]]
        for path, file in entry["files"].items()
    }
