"""A sandbox process without the language layer: the operating system's layers must hold alone."""

import importlib
import sys


def main(site_packages: str, app: str, layers: str) -> None:
    """Serve with Jinja's own environment, which lets a template reach everything in its process."""
    sys.path += [site_packages, app]
    loop = importlib.import_module("brains.confined.loop")
    importlib.import_module("jinja2.debug")  # Jinja loads it on the first error, when files are out of reach
    jinja2 = importlib.import_module("jinja2")
    del sys.path[-2:]
    loop.serve(jinja2.Environment(), frozenset(layers.split(",")))


if __name__ == "__main__":
    main(sys.argv[1], "APP_FOLDER", sys.argv[2])
