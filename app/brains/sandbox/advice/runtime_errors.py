"""Advice texts for errors while a script or template runs."""

from typing import Final

from app.brains.sandbox.advice.patterns import build_pattern

# Errors at run time. A group that names a type is said in words, see `kind`.
ERRORS: Final = (
    build_pattern(
        "TypeError",
        r"^'(?P<a>\w+)' object is not callable",
        "This is {0}, and cannot be called like a function.",
        "Leave the brackets out, or check that no variable has the name of a function.",
    ),
    build_pattern(
        "TypeError",
        r"^'(?P<a>\w+)' object is not iterable|cannot unpack non-iterable (?P<b>\w+) object",
        "This is {0}; there is nothing to go through one by one.",
        "Check where the value comes from: a loop needs a list, a text or a dictionary.",
    ),
    build_pattern(
        "TypeError",
        r"^'(?P<a>\w+)' object is not subscriptable",
        "This is {0}, which has no entries to read with [...].",
        "Check where the value comes from; “if value:” skips it when there is none.",
    ),
    build_pattern(
        "TypeError",
        r"^'(?P<a>\w+)' object does not support item (?:assignment|deletion)",
        "This is {0}, whose entries cannot be changed.",
        "Change a list or a dictionary of your own, or use ctx.memory.set to remember something.",
    ),
    build_pattern(
        "TypeError",
        r"can only concatenate (?P<a>\w+) \(not \"(?P<b>\w+)\"\)",
        "{0} and {1} cannot be joined with +.",
        'Put the value into the text, f"... {{value}}", or turn it into a text with str(value).',
    ),
    build_pattern(
        "TypeError",
        r"unsupported operand type\(s\) for (\S+?): (?=.*'NoneType')'(?P<b>\w+)' and '(?P<c>\w+)'",
        "{0} does not work between {1} and {2}.",
        'Say what to take when nothing is there: ctx.memory.get("points", 0).',
    ),
    build_pattern(
        "TypeError",
        r"unsupported operand type\(s\) for (\S+?): '(?P<b>\w+)' and '(?P<c>\w+)'",
        "{0} does not work between {1} and {2}.",
        "Turn a text into a number with int(text), or a number into a text with str(number).",
    ),
    build_pattern(
        "TypeError",
        r"'(\S+)' not supported between instances of '(?P<b>\w+)' and '(?P<c>\w+)'",
        "{1} and {2} cannot be compared with {0}.",
        "Turn a text into a number with int(text) first.",
    ),
    build_pattern(
        "TypeError",
        r"^(\S+?)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.+)",
        "{0}() needs more values: {1}.",
        "Add them between the brackets.",
    ),
    build_pattern(
        "TypeError",
        r"^(\S+?)\(\) takes (?:from )?(.+?) positional arguments? but (\d+) (?:was|were) given",
        "{0}() is given too many values.",
        "Leave some out, or name them: name=value.",
    ),
    build_pattern(
        "TypeError",
        r"(?:list|string|str|tuple) ind(?:ices|ex) must be integers(?:.*?not '?(?P<a>\w+))?",
        "An entry of a list is read by its number, not by {0}.",
        "Write a whole number between the brackets; names are for dictionaries.",
    ),
    build_pattern(
        "TypeError",
        r"^unhashable type: '(?P<a>\w+)'",
        "{0} cannot be a key of a dictionary or an entry of a set.",
        "Use a text, a number or a tuple.",
    ),
    build_pattern(
        "TypeError",
        r"^sequence item \d+: expected str instance, (?P<a>\w+) found",
        "join() takes texts only, and there is {0} among them.",
        'Write ", ".join(str(item) for item in items).',
    ),
    build_pattern(
        "TypeError",
        r"^int\(\) argument must be .* not '(?P<a>\w+)'",
        "{0} cannot be turned into a number.",
        "Check where the value comes from; “if value:” skips it when there is none.",
    ),
    build_pattern(
        "TypeError",
        r"^float\(\) argument must be .* not '(?P<a>\w+)'",
        "{0} cannot be turned into a number.",
        "Check where the value comes from; “if value:” skips it when there is none.",
    ),
    build_pattern(
        "TypeError",
        r"^object of type '(?P<a>\w+)' has no len\(\)",
        "{0} has no length.",
        "len() works for texts, lists and dictionaries.",
    ),
    build_pattern(
        "TypeError",
        r"can't (?:compare|subtract) offset-naive and offset-aware",
        "One moment knows its time zone and the other does not.",
        "Make both with ctx.now or datetime, and leave replace(tzinfo=None) out.",
    ),
    build_pattern(
        "TypeError",
        r"^argument of type '(?P<a>\w+)' is not iterable",
        "“in” looks into texts, lists and dictionaries, not into {0}.",
        "Check where the value comes from; “if value:” skips it when there is none.",
    ),
    build_pattern(
        "TypeError",
        r" is None, nothing at all, instead of a text",
        "{msg}.",
        'Give a text: value or "-" stands in when there is none.',
    ),
    build_pattern(
        "TypeError",
        r"must be a text, not a ",
        "{msg}.",
        'Turn it into a text: str(value), or ", ".join(...) for a list.',
    ),
    build_pattern(
        "TypeError",
        r"^(A variable|The result|The arguments|The variables) cannot hold a (?P<b>\w+)",
        "{0} cannot hold {1}.",
        "It holds texts, numbers, true, false, None, lists and dictionaries; write a moment as .isoformat(), "
        "a set as list(...).",
    ),
    build_pattern(
        "ValueError",
        r"invalid literal for int\(\) with base \d+: (.+)",
        "{0} is no whole number.",
        "Check it first, “if text.isdigit():”, or catch it with “except ValueError:”.",
    ),
    build_pattern(
        "ValueError",
        r"could not convert string to float: (.+)",
        "{0} is no number.",
        "Use a point for decimals, or catch it with “except ValueError:”.",
    ),
    build_pattern(
        "ValueError",
        r"^(?:Expecting|Extra data|Unterminated|Invalid (?:control|\\\\?escape)|\S+ is no JSON|this JSON)",
        "The text is no JSON: {msg}.",
        "Look at the text with ctx.log(text); catch it with “except ValueError:” when it may be something else.",
    ),
    build_pattern(
        "ValueError",
        r"too many values to unpack \(expected (\d+)\)",
        "There are more values than the {0} names on the left.",
        "Write as many names as there are values, or put a star before the last: a, *rest = values.",
    ),
    build_pattern(
        "ValueError",
        r"not enough values to unpack \(expected (?:at least )?(\d+), got (\d+)\)",
        "There are {1} values for {0} names on the left.",
        "Check how many there are first, with len(values).",
    ),
    build_pattern(
        "ValueError",
        r"time data (.+) does not match format (.+)",
        "{0} does not look like {1}.",
        "Check it, or catch it with “except ValueError:”.",
    ),
    build_pattern(
        "ValueError",
        r"substring not found|is not in (?:list|tuple|deque)|list\.remove\(x\)",
        "What is looked for is not there.",
        "Ask first, with “if x in values:”; find() gives -1 instead of an error.",
    ),
    build_pattern(
        "ValueError",
        r"is empty$",
        "{msg}.",
        "Check the value first: “if text:” skips it when it is empty.",
    ),
    build_pattern(
        "ValueError",
        r"^max\(\) arg is an empty|^min\(\) arg is an empty|\w+\(\) (?:arg|iterable argument) is (?:an )?empty",
        "There is nothing to choose from: the list is empty.",
        "Give a value for that case: max(values, default=0).",
    ),
    build_pattern(
        "ValueError",
        r"Exceeds the limit \(\d+ digits\)",
        "This number has too many digits to be written out.",
        "Use smaller numbers.",
    ),
    build_pattern(
        "ValueError", r"^math domain error", "This cannot be calculated for that number.", "Check it first."
    ),
    build_pattern(
        "IndexError",
        r"^there is no entry (-?\d+): this (\w+) has (\d+)",
        "There is no entry {0}: there are {2}, counted from 0.",
        "Check how many there are first, with len(...), or go through them with “for”.",
    ),
    build_pattern(
        "IndexError",
        r"Cannot choose from an empty sequence|pop from (?:an )?empty",
        "There is nothing to choose from: the list is empty.",
        "Check first, with “if items:”.",
    ),
    build_pattern(
        "IndexError", r"no such group", "The pattern has no such group.", "Count its round brackets, from 1."
    ),
    build_pattern(
        "IndexError",
        r"",
        "There is no such entry: the list is shorter.",
        "Check first how long it is, with len(...).",
    ),
    build_pattern(
        "KeyError", r"pop from an empty set", "The set is empty.", "Check first, with “if items:”."
    ),
    build_pattern(
        "ZeroDivisionError",
        r"",
        "A number is divided by zero.",
        "Check the number first: a / b if b else 0.",
    ),
    build_pattern(
        "OverflowError",
        r"",
        "A number is too large to calculate with.",
        "Use smaller numbers, or check them first.",
    ),
    build_pattern(
        "UnboundLocalError",
        r"local variable '(\w+)'",
        "“{0}” has no value yet at this line.",
        "Give it one at the beginning of the function, or hand it in between the brackets.",
    ),
    build_pattern(
        "NameError",
        r"free variable '(\w+)'",
        "“{0}” has no value yet at this line.",
        "Give it one before it is used.",
    ),
    build_pattern(
        "AssertionError",
        r"",
        "An “assert” of the script did not hold. {msg}",
        "Check the values it compares.",
    ),
    build_pattern(
        "error",
        r"^(.*) at position (\d+)",
        "The pattern cannot be read, at character {1}: {0}.",
        "Brackets, +, *, ? and \\ have a meaning of their own in a pattern; re.escape(text) takes it away.",
    ),
    build_pattern(
        "error", r"", "The pattern cannot be read: {msg}.", "re.escape(text) takes the meaning of signs away."
    ),
    build_pattern("SecurityError", r"", "{msg}", "Use the names, filters and values that the editor offers."),
)
