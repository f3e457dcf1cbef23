"""Texts and codes of refused syntax, names and imports in scripts."""

from typing import Final

MODULES: Final = ("datetime", "json", "math", "random", "re", "zoneinfo")

# Statements and expressions by their type in the syntax tree: a code, and what is refused.
SYNTAX: Final = {
    "ClassDef": ("class", "A script cannot define a class."),
    "Global": ("global", "“global” is not available in a script."),
    "Nonlocal": ("global", "“nonlocal” is not available in a script."),
    "With": ("with", "“with” is not available in a script."),
    "AsyncFunctionDef": ("async", "“async” is not available in a script."),
    "AsyncFor": ("async", "“async” is not available in a script."),
    "AsyncWith": ("async", "“async” is not available in a script."),
    "Await": ("async", "“await” is not available in a script."),
    "Yield": ("yield", "“yield” is not available in a script."),
    "YieldFrom": ("yield", "“yield” is not available in a script."),
    "Match": ("match", "“match” is not available in a script."),
    "TryStar": ("except-star", "“except*” is not available in a script."),
    "MatMult": ("matmul", "The operator @ is not available in a script."),
}
DECORATOR: Final = ("decorator", "Decorators, lines that begin with @, are not available in a script.")
EXCEPT: Final = ("except", "“except:” without the name of an error would also catch the time limit.")
FINALLY: Final = ("finally", "“{word}” inside “finally” would hide errors and the time limit.")
STAR_IMPORT: Final = ("import-star", "“from {module} import *” is not available in a script.")
IMPORT: Final = ("import", "“{module}” cannot be imported.")
NAME: Final = ("underscore", "The name “{name}” begins with an underscore, which is kept for the sandbox.")
ATTRIBUTE: Final = ("underscore", "“.{name}” begins with an underscore, which is kept for the sandbox.")
RESERVED: Final = ("reserved", "“{name}” is not available in a script.")
SET_ATTRIBUTE: Final = ("set-attribute", "“.{name}” cannot be set or deleted.")
BYTES: Final = ("bytes", 'Bytes, b"...", are not available in a script.')
RETURN: Final = ("return", "“return” stands outside of a function.")

LONG: Final = ("long", "This script has {count:,} characters; {most:,} are allowed.")
NUL: Final = ("character", "This script holds a character that no text has.")
BRACKETS: Final = ("nested", "Brackets are nested more than {most} deep.")
NESTED: Final = ("nested", "This is nested too deeply, or one expression is too long.")
NODES: Final = ("nodes", "This script is too complex.")
