"""Rules of the project that no linter knows: sizes, names, and what templates may not contain."""

import ast
import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app import create_app
from app.settings import Settings
from tests.covered_by import COVERED_BY

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
CONFINED = APP / "brains/confined"
MODULES = sorted(APP.rglob("*.py"))
PACKAGES = sorted(path.parent for path in MODULES if path.stem == "__init__")
SOURCES = [*MODULES, ROOT / "huey_tasks.py", ROOT / "wsgi.py"]
TEMPLATES = sorted(APP.rglob("*.html"))
SCRIPTS = sorted((APP / "static/js").glob("*.js"))
VERBS = (ROOT / "tests/verbs.txt").read_text().split()
PREFIXES = {"is", "has", "can", "to", "from"}  # predicates and conversions
NOT_OURS_TO_NAME = {
    "process_result_value",
    "result_processor",
    "self_group",  # SQLAlchemy's
    "services",  # the one accessor, read as the noun it returns
    "sql_any",  # SQL's own words
    "sql_is",
    "createLock",  # logging's
    "emit",
    "connection_made",  # asyncio's
    "connection_lost",
    "data_received",
    "eof_received",
    "on_message_begin",  # llhttp's
    "on_url",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
}
NAMES = APP / "topics.py"  # its functions spell the names of topics
PRIVATE_WORDS = {"wish", "desk", "beside", "bench", "errand", "sayings", "hindsight"}
ALLOWED_ADDRESSES = {"app/settings.py": ["graph.facebook"]}  # the default of a setting
# Names that come again, because in each package they mean the same thing of another owner.
RECURRING = {
    "__init__": "the package",
    "channel": "the channel itself",
    "client": "requests to other servers: over HTTP, to an AI provider",
    "contract": "what each of the discovered kinds offers",
    "errors": "errors and their words",
    "finding": "what a check found: in a draft, in the audit",
    "http": "requests of that owner",
    "media": "files of messages: on the wire, as a permission of scripts",
    "models": "tables",
    "parse": "data from outside into types",
    "prompts": "questions to a contact: kept in a document, asked at run time, edited on a page",
    "reading": "what is received, and what is stored, as values of its owner",
    "registry": "what is found by its kind or key",
    "schema": "types of a document, types of tables",
    "store": "rows read and written",
    "text": "what the databases can store, what brains compare",
    "templates": "WhatsApp's templates: on the wire, in a chat",
    "triggers": "of messages in brains, of tables in analytics",
    "view_model": "what a page draws",
    "views": "a page family's routes",
    "webhook": "the endpoint, and how a channel checks its calls",
}
FORBIDDEN = {"utils", "helpers", "manager", "base", "common"}
BORDERS = {
    "app/db/writer.py",  # a handler's error belongs to whoever waits for it
    "app/db/commit_wait.py",  # what a coroutine raises belongs to whoever ran it
    "app/db/follow_up.py",  # what follows one write takes nothing of the other writes' along
    "app/bot/polling.py",  # a look that breaks off is written down, and the thread looks again
    "app/bot/worker/dispatcher.py",  # the sweep and the task wrapper
    "app/bot/worker/maintenance.py",  # the sweep: one job's error keeps neither messages nor other jobs waiting
    "app/bot/delivery/sender.py",  # the task wrapper of a send
    "app/admin/ui/error_pages.py",  # the HTTP error page
    "app/brains/confined/life.py",  # the sandbox child
    "app/brains/sandbox/call_service.py",  # a capability that fails is a reason for the script
}
# Private names of the product that tests read all the same, by file. It only gets shorter.
READ_BY_TESTS = {
    "tests/analytics/test_single_flight.py": {"_waiting"},  # the one sign that a second caller waits
    # Polls the handles of processes that a pool may close as soon as its lock is free.
    "tests/escapes/process_monitor.py": {"_get_pools", "_idle", "_lock", "_ready"},
}
UNDERSCORED_ELSEWHERE = {"_asdict", "_exit", "_fields", "_replace"}  # public, of the standard library


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_file_has_at_most_300_lines(path: Path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_function_has_at_most_40_lines(path: Path):
    functions = [n for n in ast.walk(parse(path)) if isinstance(n, ast.FunctionDef)]
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if (f.end_lineno or 0) - f.lineno >= 40}
    assert long == {}


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_module_is_named_for_what_it_holds(path: Path):
    assert path.stem not in FORBIDDEN


def test_broad_excepts_stand_only_at_the_named_borders():
    broad = {
        short(path) for path in SOURCES if re.search(r"except (Exception|BaseException)\b", path.read_text())
    }
    assert broad <= BORDERS


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_a_template_has_no_inline_style_script_or_handler(path: Path):
    text = path.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>\s*\S", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_a_block_imports_the_macros_it_uses(path: Path):
    """What a template imports in front of its blocks is unknown to a block that is rendered alone."""
    text = path.read_text()
    head, found, blocks = text.partition("{% block ")
    imported = re.findall(r"{%-? from \S+ import ([\w, ]+?)(?: with context)? -?%}", head) if found else []
    names = [name.strip() for each in imported for name in each.split(",")]
    assert [name for name in names if re.search(rf"\b{name}\(", blocks)] == []


def test_a_package_has_at_most_15_modules():
    sizes = {
        short(package): len([path for path in package.glob("*.py") if path.stem != "__init__"])
        for package in PACKAGES
        if package != CONFINED  # one process loads all of it, and reads it as one program
    }
    assert {name: size for name, size in sizes.items() if size > 15} == {}


def test_a_module_begins_with_a_line_that_says_what_it_is():
    lines = {short(path): (ast.get_docstring(parse(path)) or "").partition("\n")[0] for path in MODULES}
    assert {name: line for name, line in lines.items() if not line.endswith(".") or len(line) > 120} == {}


def mirror(path: Path) -> Path:
    """Return where the test file of a module has its place."""
    return ROOT / "tests" / path.relative_to(APP).parent / f"test_{path.stem}.py"


def test_every_module_has_a_test_file_of_its_name_or_stands_in_the_table():
    named = [path for path in MODULES if path.stem != "__init__"]
    alone = {short(path) for path in named if not mirror(path).is_file()}
    assert alone - COVERED_BY.keys() == set(), "write their tests, or name them in tests/covered_by.py"
    assert COVERED_BY.keys() - alone == set(), "they have their own test file, or are gone: strike them out"


# What wires the product together, and what a test starts with it.
WIRING = {"app", "app.admin", "app.cli", "app.services", "app.tables", "app.web", "tests"}
WORKER = {"app.analytics.jobs", "app.bot.health.heartbeat", "app.bot.worker.worker", "app.privacy.job"}
STARTED_BY = {
    "build_worker(": WORKER,
    "run_worker(": WORKER,
    "flask_migrate": {"app.tables"},
    "test_cli_runner": {"app.cli"},
}
# Packages whose modules are found by walking them, and the one that a sandbox process loads.
FOUND_BY_NAME = {
    "app.analytics.jobs",
    "app.bot.media.jobs",
    "app.bot.release.jobs",
    "app.bot.worker.jobs",
    "app.brains.versions.jobs",
    "app.brains.ai.providers",
    "app.brains.capabilities",
    "app.brains.confined",
    "app.brains.triggers",
    "app.channels",
    "app.cli",
    "app.logs.sinks",
    "app.privacy.jobs",
}


@cache
def list_imports(path: Path) -> set[str]:
    """Return every module or name that a file imports."""
    found: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    if path == APP / "admin/__init__.py":  # it loads the modules of pages by their names
        pages = (each for each in MODULES if each.is_relative_to(path.parent) and has_blueprint(each))
        found |= {".".join(each.relative_to(ROOT).with_suffix("").parts) for each in pages}
    return found


def has_blueprint(path: Path) -> bool:
    """Tell whether a module is one of pages."""
    return "\nblueprint = " in path.read_text()


def find_views(test: Path, rules: list[tuple[re.Pattern[str], str]]) -> set[str]:
    """Return the modules of the views whose addresses a test file spells."""
    spelled: set[str] = set()
    for node in ast.walk(parse(test)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "1" for part in node.values]
            spelled.add("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            spelled.add(node.value)
    paths = {text.partition("?")[0].rstrip("/") for text in spelled if text.startswith(("/", "1/"))}
    return {module for path in paths for rule, module in rules if rule.search(path)}


def list_reached(test: Path, rules: list[tuple[re.Pattern[str], str]]) -> set[str]:
    """Return what a test file and the fixtures of its folders reach by imports and by addresses of pages.

    What wires the whole product together does not count: through it, any test reaches all.
    """
    fixtures = [folder / "conftest.py" for folder in test.parents if folder.is_relative_to(ROOT / "tests")]
    waiting = [test, *(path for path in fixtures if path.is_file())]
    reached: set[str] = set()
    while waiting:
        path = waiting.pop()
        found = list_imports(path) - WIRING
        if path.is_relative_to(ROOT / "tests"):
            text = path.read_text()
            found |= find_views(path, rules)
            found |= set().union(*(names for word, names in STARTED_BY.items() if word in text))
        for name in found - reached:
            reached.add(name)
            source = ROOT / name.replace(".", "/")
            waiting += [
                each for each in (source.with_suffix(".py"), source / "__init__.py") if each.is_file()
            ]
    return reached


@pytest.fixture(scope="module")
def view_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[re.Pattern[str], str]]]:
    data = tmp_path_factory.mktemp("rules")
    app = create_app(
        Settings(brainbox_data=data, secret_key="a secret key for tests", database_url="", redis_url="")
    )
    yield [
        (
            re.compile(re.sub(r"<[^>]+>", "[^/]+", rule.rule.rstrip("/")) + "$"),
            app.view_functions[rule.endpoint].__module__,
        )
        for rule in app.url_map.iter_rules()
    ]
    app.extensions["services"].database.writer.close()
    app.extensions["services"].close()


@pytest.mark.parametrize("test", sorted(set(COVERED_BY.values())))
def test_the_covering_test_reaches_what_it_is_said_to_cover(
    test: str, view_rules: list[tuple[re.Pattern[str], str]]
):
    tests = (node for node in ast.walk(parse(ROOT / test)) if isinstance(node, ast.FunctionDef))
    assert any(node.name.startswith("test_") for node in tests)
    reached = list_reached(ROOT / test, view_rules)
    covered = [
        module.removesuffix(".py").replace("/", ".") for module, by in COVERED_BY.items() if by == test
    ]
    # What is found by walking its folder, and a sandbox process, is reached with the package.
    by_name = {name for name in covered if name.rpartition(".")[0] in FOUND_BY_NAME & reached}
    assert set(covered) - reached - by_name - WIRING == set()


def test_two_modules_of_one_name_have_one_subject():
    domain, pages, commands = Counter[str](), Counter[str](), Counter[str]()
    for path in MODULES:
        if path.is_relative_to(CONFINED) or path.parent == APP / "bot/models":
            continue  # a world of its own; tables bear the noun of their use case
        place = {"admin": pages, "cli": commands}.get(path.relative_to(APP).parts[0], domain)
        place[path.stem] += 1
    twice = {stem for place in (domain, pages, commands) for stem, times in place.items() if times > 1}
    assert twice - RECURRING.keys() == set()


def list_public_functions(path: Path) -> Iterator[str]:
    """Name the public functions of a module and the public methods of its public classes."""
    for node in parse(path).body:
        members = [node]
        if isinstance(node, ast.ClassDef):
            members = [] if node.name.startswith("_") else node.body
        for each in members:
            if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) or each.name.startswith("_"):
                continue
            # A property is read as a noun, a decorator that makes kinds of classes as their adjective.
            marks = " ".join(map(ast.unparse, each.decorator_list))
            if "property" not in marks and "dataclass_transform" not in marks:
                yield each.name


def test_a_public_function_begins_with_a_verb():
    verbs = {*VERBS, *PREFIXES}
    nouns = {
        f"{short(path)}: {name}"
        for path in MODULES
        if CONFINED not in path.parents and path != NAMES  # scripts see those of `confined`
        for name in set(list_public_functions(path)) - NOT_OURS_TO_NAME
        if name.partition("_")[0] not in verbs
    }
    assert nouns == set(), "rename them, or add a verb in its base form to tests/verbs.txt"


def test_the_list_of_verbs_is_sorted():
    assert sorted(set(VERBS)) == VERBS


def split_words(name: str) -> set[str]:
    """Return the words of an identifier or file name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@cache
def list_identifiers(path: Path) -> set[str]:
    """Return every name that a module defines, reads or passes."""
    fields = ("id", "name", "attr", "arg", "asname")
    found = (getattr(node, field, None) for node in ast.walk(parse(path)) for field in fields)
    return {name for name in found if isinstance(name, str)}


def test_no_identifier_holds_a_private_word():
    names = {
        short(path): sorted(name for name in list_identifiers(path) if split_words(name) & PRIVATE_WORDS)
        for path in SOURCES
    }
    assert {path: found for path, found in names.items() if found} == {}


def test_no_file_name_holds_a_private_word():
    ours = (path for path in APP.rglob("*") if path.suffix in {".py", ".html", ".js", ".css"})
    assert {short(path) for path in ours if split_words(str(path.relative_to(APP))) & PRIVATE_WORDS} == set()


@cache
def list_provider_codes() -> set[int]:
    """Return WhatsApp's error codes that no other number is likely to be."""
    catalog = (APP / "channels/cloud/error_codes.toml").read_text()
    return {int(code) for code in re.findall(r"\b\d{5,6}\b", catalog)}


def list_channel_words(path: Path) -> list[str]:
    """Return what a file outside of WhatsApp's channel says of its codes, its addresses and its kind."""
    text = path.read_text()
    found = re.findall(r"\b13\d{4}\b|graph\.facebook", text)
    if path.suffix != ".py":
        return found
    values = [node.value for node in ast.walk(parse(path)) if isinstance(node, ast.Constant)]
    codes = list_provider_codes()
    found += [str(each) for each in values if type(each) is int and each in codes and str(each) not in found]
    return found + [
        each for each in values if each == "cloud" or (isinstance(each, str) and "/webhooks/" in each)
    ]


def test_whatsapps_codes_and_addresses_stand_in_its_channel_only():
    elsewhere = {
        short(path): list_channel_words(path)
        for path in (*SOURCES, *TEMPLATES, *SCRIPTS)
        if not path.is_relative_to(APP / "channels/cloud")
    }
    assert {path: found for path, found in elsewhere.items() if found} == ALLOWED_ADDRESSES


def test_a_page_publishes_nothing_the_domain_does():
    pages = (APP / "admin").rglob("*.py")
    assert {short(path) for path in pages if "changed.send" in path.read_text()} == set()


def list_private_reads(path: Path) -> set[str]:
    """Return the private names of the product that a test file imports, reads or writes on what is not its own."""
    found: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            (own if owner in {"self", "cls", "super()"} else found).add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app"):
            found |= {alias.name for alias in node.names}
    private = {name for name in found if name.startswith("_") and not name.startswith("__")}
    return private - own - UNDERSCORED_ELSEWHERE


def test_tests_read_no_private_attribute_of_the_product():
    read = {short(path): list_private_reads(path) for path in sorted((ROOT / "tests").rglob("*.py"))}
    assert {path: names for path, names in read.items() if names} == READ_BY_TESTS


# Names that docstrings say although another file, a caller or a library spells them.
SPELLED_ELSEWHERE = {
    "ai", "allow_public", "button", "calls", "ctx", "dropped", "footer", "header", "headers", "lock_free_chat",
    "name", "on_conflict_do_nothing", "on_conflict_do_update", "output", "sections", "status", "unindexed_text",
}  # fmt: skip


def test_a_docstring_names_only_what_its_module_has():
    unknown = {
        f"{short(path)}: {name}"
        for path in MODULES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for name in re.findall(r"`([a-z_][a-z0-9_]*)`", ast.get_docstring(node) or "")
        if name
        not in list_identifiers(path)
        | list_short_texts(path)
        | set(dir(builtins))
        | set(keyword.kwlist)
        | SPELLED_ELSEWHERE
    }
    assert unknown == set()


@cache
def list_short_texts(path: Path) -> frozenset[str]:
    """Return the short string constants of a module: keys, values of a setting, names of columns."""
    values = (node.value for node in ast.walk(parse(path)) if isinstance(node, ast.Constant))
    return frozenset(value for value in values if isinstance(value, str) and len(value) < 40)


# Python's own names are what an operator's script is about; a zygote's end is told in the log alone.
CLASS_NAMES_ALLOWED = {"app/brains/confined/report.py", "app/brains/sandbox/zygote.py"}


def list_class_names_of_errors(path: Path) -> Iterator[int]:
    """List the lines that take the class name of an error for anything but a line of the log."""
    logged = {
        id(part)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        for part in ast.walk(node)
    }
    for node in ast.walk(parse(path)):
        if id(node) not in logged and isinstance(node, ast.Attribute) and node.attr == "__name__":
            yield from [node.lineno] if ast.unparse(node.value) in {"type(error)", "error.__class__"} else []


def test_the_class_name_of_an_error_stands_in_the_log_only():
    found = {short(path): lines for path in MODULES if (lines := list(list_class_names_of_errors(path)))}
    assert set(found) == CLASS_NAMES_ALLOWED, found
