"""Advice texts as a table: syntax rules, unavailable names, limits, refused calls."""

import re
from typing import Final, NamedTuple


class ErrorPattern(NamedTuple):
    """Pattern of an error: its types, a pattern of its text, and the advice (message, fix).

    `{0}`, `{1}` stand for the groups of the pattern, without quotes around them.
    """

    types: str
    pattern: "re.Pattern[str]"
    message: str
    fix: str


def build_pattern(types: str, pattern: str, message: str, fix: str) -> ErrorPattern:
    """Build a pattern."""
    return ErrorPattern(types, re.compile(pattern, re.DOTALL), message, fix)


# How to live with a rule of the grammar, by its code.
RULES: Final = {
    "class": "Use functions (def) and dictionaries instead.",
    "global": "Hand values to functions and return them: x = change(x).",
    "with": "Write the lines without it: a script has no files to open and close.",
    "async": "Leave the word out: ctx.http and ctx.ai wait for their answers by themselves.",
    "yield": "Collect the values in a list and return the list.",
    "match": "Use if, elif and else.",
    "except-star": "Write “except ValueError as error:”.",
    "matmul": "Use * to multiply numbers.",
    "decorator": "Call the function directly where you need it.",
    "except": "Name the error, such as “except ValueError:”, or write “except (Exception):” for any.",
    "finally": "Move the line behind the “finally” block.",
    "import-star": "Name what you need: “from math import sqrt”.",
    "import": "There is datetime, json, math, random, re and zoneinfo; the web is reached with ctx.http.",
    "underscore": "Choose a name that begins with a letter.",
    "reserved": "Use another name.",
    "set-attribute": 'Keep the value in a variable, in a dictionary, d["name"] = 1, or with ctx.memory.set.',
    "bytes": 'Use a text, without the b: "...".',
    "return": "Use ctx.result(value) to give a value to the command that called this one, or put the lines "
    "into a function.",
    "long": "Move a part of it into another command, and run that with ctx.call(...).",
    "character": "Delete the line and type it again.",
    "nested": "Keep a part of it in a variable first, and go on with the variable.",
    "nodes": "Move a part of it into another command.",
    "include": "Copy the text in, or keep it in a variable with {% set %}.",
}

# Names that Python has and a script has not, with what to use instead.
UNAVAILABLE_NAMES: Final = {
    "type": "Use isinstance(value, str), or int, list, dict ...",
    "open": "A script has no files: ctx.memory.set and ctx.memory.get remember values.",
    "input": "What was written is in ctx.message.text; the next answer comes as a new message.",
    "format": 'Write the value into the text: f"{price:.2f}".',
    "eval": "Use json.loads to read values from a text.",
    "exec": "Write the lines themselves, or run another command with ctx.call.",
    "next": "Use a “for” loop, or values[0].",
    "iter": "Use a “for” loop.",
    "hash": "Use the value itself as a key.",
    "id": "Compare values with ==.",
    "bytes": "Use texts.",
    "encode": "Use texts: a script has no bytes.",
    "decode": "Use texts: a script has no bytes.",
    "sleep": "Use ctx.schedule(command, after=seconds) to go on later.",
    "now": "ctx.now is the moment of the message; with import datetime it is datetime.datetime.now().",
    "send": "Use ctx.reply(text).",
    "append": "Only lists have it: begin with values = [].",
}

_KINDS: Final = {
    "NoneType": "None (nothing at all)",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a dictionary",
    "tuple": "a tuple",
    "set": "a set",
    "function": "a function",
    "method": "a function",
    "builtin_function_or_method": "a function",
    "datetime": "a moment",
    "Record": "a group of values",
    "Module": "a module",
}


def describe_type(name: str) -> str:
    """Return the name of a Python type in plain words."""
    return _KINDS.get(name.rpartition(".")[2], f"a {name}")


LIMITS: Final = (
    build_pattern("", r"printed text", "{msg}", "Print less: a few values, not whole lists in a loop."),
    build_pattern("", r"^range\(\)", "{msg}", "Use a smaller number."),
    build_pattern("", r"are too many", "{msg}", "Leave some out, or send them one after the other."),
    build_pattern(
        "", r"calls at most", "{msg}", "Ask less often in one run, or remember the answer with ctx.memory."
    ),
    build_pattern("", r"effects at most", "{msg}", "Put several texts into one reply."),
    build_pattern(
        "", r"WhatsApp takes|characters; .* are allowed", "{msg}", "Shorten it: text[:20] keeps the first 20."
    ),
    build_pattern("", r"^The text grew", "{msg}", "Make the loop shorter, or the text in it."),
    build_pattern("", r"The result of", "{msg}", "Use smaller numbers or shorter texts."),
    build_pattern("", r"bytes; ", "{msg}", "Keep less of it: the last few entries, or only what is needed."),
    build_pattern("", r"nested more than", "{msg}", "Keep it flatter."),
    build_pattern(
        "", r"width|format|strftime", "{msg}", "Write the format with small numbers, such as :>10 or :.2f."
    ),
    build_pattern("", r"pattern has", "{msg}", "Use a shorter pattern, or several."),
    build_pattern("", r"64 bits", "{msg}", "Use a smaller number, or turn it into a text with str(number)."),
    build_pattern("", r"", "{msg}", "Use less of it."),
)

CALLS: Final = (
    build_pattern("", r"permission|Switch|may not use", "{msg}", "Permissions are in the brain's settings."),
    build_pattern(
        "",
        r"at most|too many|quota",
        "{msg}",
        "Ask less often in one run, or remember the answer with ctx.memory.",
    ),
    build_pattern(
        "",
        r"in time|timed? ?out|too long|seconds",
        "{msg}",
        "Try again later; “except CallError:” lets the script answer without it.",
    ),
    build_pattern("", r"", "{msg}", "“except CallError:” lets the script answer without it."),
)
