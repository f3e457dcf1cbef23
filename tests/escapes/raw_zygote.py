"""Entry of a zygote without the language layer: the operating system's layers must hold alone."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
_APP = _HERE.parents[1] / "app"


def main(site_packages: str, flavour: str, layers: str) -> None:
    """Put the raw languages in the place of the real ones, then start the real zygote with them."""
    folders = [site_packages, str(_APP), str(_HERE)]
    sys.path += folders
    language = importlib.import_module("brains.confined.language")
    importlib.import_module("jinja2.debug")  # Jinja loads it on the first error, when files are out of reach
    raw = importlib.import_module("raw_languages")
    output = language.Output()
    keep = raw.tools()
    _replace("script", LANGUAGE=raw.RawScript(output, keep))
    _replace("grammar", COMPILER=raw.RawCompiler(output, keep))
    _replace("template", LANGUAGE=raw.RawTemplate(output), COMPILER=raw.RawTemplateCompiler(output))
    zygote = importlib.import_module("brains.confined.zygote")
    for folder in folders:
        sys.path.remove(folder)
    zygote.main(site_packages, flavour, layers)


def _replace(name: str, **content: object) -> None:
    module = ModuleType(f"brains.confined.{name}")
    vars(module).update(content)
    sys.modules[module.__name__] = module


if __name__ == "__main__":
    main(*sys.argv[1:])
