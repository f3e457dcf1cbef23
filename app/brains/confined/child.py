"""Entry of a sandbox process: `python -I -S child.py SITE_PACKAGES LAYERS`, its socket as descriptor 0."""

import importlib
import os
import sys


def main(site_packages: str, layers: str) -> None:
    """Import what a child needs from two named folders, forget them, and serve.

    The folder of `app` is put on the path, so that this package is called `brains.confined` here: importing
    `app` itself would bring the web framework in.
    """
    here = os.path.abspath(__file__)  # noqa: PTH100  pathlib would be one more import before it is needed
    app = os.path.dirname(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120  the same
    folders = [site_packages, app]
    sys.path += folders
    loop = importlib.import_module("brains.confined.loop")
    policy = importlib.import_module("brains.confined.policy")
    del sys.path[-len(folders) :]
    loop.serve(policy.environment(), frozenset(filter(None, layers.split(","))))


if __name__ == "__main__":
    main(*sys.argv[1:])
