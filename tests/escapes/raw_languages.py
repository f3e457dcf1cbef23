"""Both languages without any guard: plain exec with all builtins, and Jinja's own environment with files.

What is loaded here stays loaded in the child, `ctypes` included: an attacker finds all tools in reach.
"""

import builtins
import importlib
import marshal
import sys
from typing import Any

import jinja2

_TOOLS = (
    "ctypes mmap signal socket _socket resource threading subprocess select faulthandler fcntl pickle string functools "
    "itertools operator collections atexit weakref json re math random datetime types codecs copy gc time struct array"
)
NAME_MARK = "{#name:"


class RawScript:
    """Runs scripts as Python would; `ctx` is made of ordinary objects."""

    name, file, recursion = "script", "<command>", 220
    facts: Any = ()

    def __init__(self, output: Any, keep: dict[str, Any]) -> None:
        self.output = output
        self.effects: list[Any] = []
        self._keep = keep

    def compile(self, source: str) -> tuple[bytes, int]:
        return marshal.dumps(compile(source, self.file, "exec", dont_inherit=True)), 1

    def load(self, code: bytes) -> Any:
        return marshal.loads(code)  # noqa: S302  our own words

    def run(self, runnable: Any, data: Any, call: Any) -> dict[str, Any]:
        self.effects.clear()
        names = {
            "__builtins__": self._builtins(),
            "__name__": "command",
            "ctx": RawContext(data, call, self.effects),
        }
        exec(runnable, names)  # noqa: S102  that is the point
        return {"fx": list(self.effects), "ret": None, "reads": []}

    def warm_up(self) -> list[tuple[bytes, dict[str, Any]]]:
        return [
            (
                self.compile("import os\nprint('x')\nctx.reply('x')")[0],
                {"message": {"text": "x"}, "memory": {}},
            )
        ]

    def _builtins(self) -> Any:
        def print_(*values: Any, **options: Any) -> None:
            if options.get("file"):
                builtins.print(*values, **options)
                return
            sep, end = options.get("sep", " "), options.get("end", "\n")
            self.output.write(sep.join(map(str, values)) + end)

        def import_(name: str, *rest: Any) -> Any:
            # The child forgets its ctypes; an attacker would not.
            return self._keep[name] if name in self._keep else builtins.__import__(name, *rest)

        return {**vars(builtins), "print": print_, "__import__": import_}


class RawCompiler(RawScript):
    """The compiling side of the same."""

    def warm_up(self) -> list[str]:  # type: ignore[override]
        return ["x = 1"]


class RawContext:
    """`ctx` as attacks expect it."""

    def __init__(self, data: Any, call: Any, effects: list[Any]) -> None:
        said = data["message"]
        self.message = RawMessage(said["text"] if isinstance(said, dict) else said)
        self.memory = RawMemory(data["memory"].get("contact", {}), effects)
        self.http = RawHttp(call)
        self._call = call
        self._effects = effects

    def reply(self, text: Any, **_options: Any) -> None:
        self._effects.append(["reply", {"text": str(text)}])

    def ai(self, prompt: str, **variables: Any) -> Any:
        return self._call("ai", {"prompt": prompt, "variables": variables})


class RawMessage(str):
    """The message: a text, which also has one."""

    __slots__ = ()

    @property
    def text(self) -> str:
        return str(self)


class RawMemory:
    """Memory over the snapshot."""

    def __init__(self, known: dict[str, Any], effects: list[Any]) -> None:
        self._known, self._effects = known, effects

    def get(self, key: Any, default: Any = None) -> Any:
        return self._known.get(key, default)

    def set(self, key: Any, value: Any) -> None:
        self._known[key] = value
        self._effects.append(["set", "contact", key, value, None])


class RawHttp:
    """Calls for addresses."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def get(self, url: Any) -> Any:
        return self._call("http.get", {"url": url})

    def post(self, url: Any, data: Any = None) -> Any:
        return self._call("http.post", {"url": url, "data": data})


class RawTemplate:
    """Renders templates with everything Jinja has."""

    name, file, recursion = "template", "<template>", 700
    facts: Any = ()

    def __init__(self, output: Any) -> None:
        self.output = output
        self.effects: list[Any] = []
        self._environment = jinja2.Environment(  # noqa: S701  that is the point
            loader=jinja2.FileSystemLoader(["/", "."]),
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        )

    def compile(self, source: str) -> tuple[bytes, int]:
        name = None
        if source.startswith(NAME_MARK):
            name, _, source = source.removeprefix(NAME_MARK).partition("#}")
        return marshal.dumps(self._environment.compile(source, name, self.file)), 1

    def load(self, code: bytes) -> Any:
        environment = self._environment
        code_object = marshal.loads(code)  # noqa: S302  our own words
        return environment.template_class.from_code(environment, code_object, environment.make_globals(None))

    def run(self, runnable: Any, data: Any, _call: Any) -> dict[str, Any]:
        return {"text": runnable.render(data)}

    def warm_up(self) -> list[tuple[bytes, dict[str, Any]]]:
        return [(self.compile("{{ x|default(1) }}{{ ''.join([]) }}")[0], {})]


class RawTemplateCompiler(RawTemplate):
    """The compiling side of the same."""

    def warm_up(self) -> list[str]:  # type: ignore[override]
        return ["{{ 1 }}"]


def tools() -> dict[str, Any]:
    """Load what attackers like to have, and keep it."""
    for name in _TOOLS.split():
        importlib.import_module(name)
    return {name: module for name, module in sys.modules.items() if name in _TOOLS.split()}
