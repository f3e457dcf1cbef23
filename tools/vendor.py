"""Fetch, lock and check the third-party browser files named in vendor.toml (specs: ui 3).

`python tools/vendor.py` asks the npm client for each tarball, compares it with the registry's sha512 and extracts the
named files; a bundle is built from its folder with the versions of its package-lock.json. `--check` needs neither Node
nor a network: it compares what is on disk with vendor.lock.json.
"""

import argparse
import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "vendor.toml"
LOCK = ROOT / "vendor.lock.json"
# Files a browser asks for compressed; licences are only read by people.
PACKED = (".css", ".js")
SERVED = ROOT / "app/static"


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="compare the files with the lock, fetch nothing")
    manifest = tomllib.loads(MANIFEST.read_text())
    if parser.parse_args().check:
        return _report(problems(manifest, json.loads(LOCK.read_text())))
    lock = {
        "packages": [_fetch(package) for package in manifest["package"]],
        "bundles": [_bundle(bundle) for bundle in manifest["bundle"]],
        "icons": _icons(manifest["icons"]),
    }
    LOCK.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")
    return _report(problems(manifest, lock))


def problems(manifest: dict[str, Any], lock: dict[str, Any]) -> list[str]:
    """Tell what differs between manifest, lock and disk."""
    found = []
    locked = {entry["name"]: entry for entry in [*lock["packages"], *lock["bundles"], lock["icons"]]}
    for package in [*manifest["package"], *manifest["bundle"], manifest["icons"]]:
        entry = locked.get(package["name"])
        if entry is None or entry["version"] != package["version"]:
            found.append(f"{package['name']} {package['version']} is not locked: run `make vendor`.")
    found += [
        f"{bundle['folder']} has changed since it was built: run `make vendor`."
        for bundle in manifest["bundle"]
        if _sources(ROOT / bundle["folder"]) != locked.get(bundle["name"], {}).get("sources")
    ]
    for entry in locked.values():
        for path, expected in entry["files"].items():
            found += _differences(ROOT / path, expected["integrity"])
    return found


def _differences(path: Path, integrity: str) -> list[str]:
    if not path.exists():
        return [f"{path.relative_to(ROOT)} is missing: run `make vendor`."]
    if _integrity(path.read_bytes()) != integrity:
        return [f"{path.relative_to(ROOT)} was changed by hand: run `make vendor`."]
    packed = path.with_name(path.name + ".gz")
    if _packs(path) and (not packed.exists() or gzip.decompress(packed.read_bytes()) != path.read_bytes()):
        return [f"{packed.relative_to(ROOT)} does not match: run `make vendor`."]
    return []


def _fetch(package: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        tarball = _pack(package, Path(folder))
        files = {}
        with tarfile.open(tarball) as archive:
            for inside, path in sorted(package["files"].items()):
                files[path] = _store(ROOT / path, _member(archive, inside))
        return {**_entry(package, tarball), "files": files}


def _bundle(bundle: dict[str, Any]) -> dict[str, Any]:
    """Build a folder's bundle away from the tree; npm compares each package with the sha512 of the lock."""
    source = ROOT / bundle["folder"]
    with tempfile.TemporaryDirectory() as folder:
        for path in _source_files(source):
            shutil.copy(path, folder)
        _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
        _npm("run", "build", cwd=folder)
        files = {
            bundle["file"]: _store(ROOT / bundle["file"], (Path(folder) / bundle["built"]).read_bytes()),
            bundle["notice"]: _store(ROOT / bundle["notice"], _notices(Path(folder))),
        }
    named = {name: bundle[name] for name in ("name", "version", "licence")}
    return {**named, "sources": _sources(source), "files": files}


def _notices(folder: Path) -> bytes:
    """Return the licences of all packages that are part of a bundle, each under its name and version."""
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    parts = [
        f"{path.removeprefix('node_modules/')} {package['version']}\n\n{(folder / path / 'LICENSE').read_text()}"
        for path, package in sorted(packages.items())
        if path and not package.get("dev")
    ]
    return "\n---\n\n".join(parts).encode()


def _source_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in {".js", ".json"})


def _sources(folder: Path) -> str:
    return _sha512(
        b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in _source_files(folder))
    )


def _icons(icons: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        tarball = _pack(icons, Path(folder))
        with tarfile.open(tarball) as archive:
            symbols = [
                _symbol(name, _member(archive, f"icons/outline/{name}.svg"))
                for name in sorted(icons["names"])
            ]
            notice = _member(archive, "LICENSE")
        sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
        files = {
            icons["sprite"]: _store(ROOT / icons["sprite"], sprite.encode()),
            icons["notice"]: _store(ROOT / icons["notice"], notice),
        }
        return {**_entry(icons, tarball), "files": files}


def _symbol(name: str, svg: bytes) -> str:
    inner = re.search(r"<svg[^>]*>(.*)</svg>", svg.decode(), re.DOTALL)
    if inner is None:
        raise SystemExit(f"The icon {name} is no SVG.")
    shapes = " ".join(inner.group(1).split())
    return f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>'


def _pack(package: dict[str, Any], folder: Path) -> Path:
    wanted = f"{package['name']}@{package['version']}"
    expected = _npm("view", wanted, "dist.integrity").strip()
    name = _npm("pack", wanted, "--silent", "--pack-destination", str(folder)).split()[-1]
    tarball = folder / name
    if _sha512(tarball.read_bytes()) != expected:
        raise SystemExit(f"{wanted}: the tarball does not have the registry's checksum.")
    return tarball


def _npm(*arguments: str, cwd: str | None = None) -> str:
    command = ["npm", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=cwd).stdout


def _member(archive: tarfile.TarFile, inside: str) -> bytes:
    file = archive.extractfile(f"package/{inside}")
    if file is None:
        raise SystemExit(f"{inside} is no file of the package.")
    return file.read()


def _store(path: Path, content: bytes) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if _packs(path):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, 9, mtime=0))
    return {"integrity": _integrity(content), "bytes": len(content)}


def _packs(path: Path) -> bool:
    return path.suffix in PACKED and path.is_relative_to(SERVED)


def _entry(package: dict[str, Any], tarball: Path) -> dict[str, Any]:
    return {
        "name": package["name"],
        "version": package["version"],
        "licence": package["licence"],
        "tarball": _sha512(tarball.read_bytes()),
    }


def _integrity(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def _sha512(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def _report(found: list[str]) -> int:
    print("\n".join(found) or "Vendored files match their lock.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
