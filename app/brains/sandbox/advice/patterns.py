"""What to say about errors, as tables: a pattern of Python's or Jinja's text, what happened, and how to mend it."""

import re
from typing import Final, NamedTuple


class Phrase(NamedTuple):
    """One kind of error: which types it has, how its text looks, what to say, and what to advise.

    `{0}`, `{1}` stand for the groups of the pattern, without quotes around them.
    """

    types: str
    pattern: "re.Pattern[str]"
    message: str
    fix: str


def phrase(types: str, pattern: str, message: str, fix: str) -> Phrase:
    """Make a phrase."""
    return Phrase(types, re.compile(pattern, re.DOTALL), message, fix)


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
    "import": "There is datetime, json, math, random and re; the web is reached with ctx.http.",
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
NOT_HERE: Final = {
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


def kind(name: str) -> str:
    """Say what a type is to somebody who has never heard of types."""
    return _KINDS.get(name.rpartition(".")[2], f"a {name}")


LIMITS: Final = (
    phrase("", r"printed text", "{msg}", "Print less: a few values, not whole lists in a loop."),
    phrase("", r"^range\(\)", "{msg}", "Use a smaller number."),
    phrase("", r"are too many", "{msg}", "Leave some out, or send them one after the other."),
    phrase(
        "", r"calls at most", "{msg}", "Ask less often in one run, or remember the answer with ctx.memory."
    ),
    phrase("", r"effects at most", "{msg}", "Put several texts into one reply."),
    phrase(
        "", r"WhatsApp takes|characters; .* are allowed", "{msg}", "Shorten it: text[:20] keeps the first 20."
    ),
    phrase("", r"^The text grew", "{msg}", "Make the loop shorter, or the text in it."),
    phrase("", r"The result of", "{msg}", "Use smaller numbers or shorter texts."),
    phrase("", r"bytes; ", "{msg}", "Keep less of it: the last few entries, or only what is needed."),
    phrase("", r"nested more than", "{msg}", "Keep it flatter."),
    phrase(
        "", r"width|format|strftime", "{msg}", "Write the format with small numbers, such as :>10 or :.2f."
    ),
    phrase("", r"pattern has", "{msg}", "Use a shorter pattern, or several."),
    phrase("", r"64 bits", "{msg}", "Use a smaller number, or turn it into a text with str(number)."),
    phrase("", r"", "{msg}", "Use less of it."),
)

CALLS: Final = (
    phrase("", r"permission|Switch|may not use", "{msg}", "Permissions are in the brain's settings."),
    phrase(
        "",
        r"at most|too many|quota",
        "{msg}",
        "Ask less often in one run, or remember the answer with ctx.memory.",
    ),
    phrase(
        "",
        r"in time|timed? ?out|too long|seconds",
        "{msg}",
        "Try again later; “except CallError:” lets the script answer without it.",
    ),
    phrase("", r"", "{msg}", "“except CallError:” lets the script answer without it."),
)
