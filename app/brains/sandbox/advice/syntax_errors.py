"""Advice texts for syntax errors of scripts (Python) and templates (Jinja)."""

from typing import Final

from app.brains.sandbox.advice.patterns import build_pattern

SCRIPT_SYNTAX: Final = (
    build_pattern(
        "", r"^'(.)' was never closed", "The bracket {0} is never closed.", "Add the closing bracket."
    ),
    build_pattern(
        "",
        r"^unmatched '(.)'",
        "The bracket {0} closes nothing.",
        "Delete it, or add the opening one before it.",
    ),
    build_pattern(
        "",
        r"closing parenthesis '(.)' does not match opening parenthesis '(.)'",
        "The bracket {1} is closed by {0}.",
        "Close every bracket by one of its own kind: ( ), [ ], {{ }}.",
    ),
    build_pattern(
        "",
        r"unterminated (triple-quoted )?(f-)?string literal|EOL while scanning|unterminated string",
        "A text has no closing quotation mark.",
        "End the text with the mark it began with: \"...\" or '...'.",
    ),
    build_pattern("", r"^expected ':'", "A colon is missing.", "End this line with a colon (:)."),
    build_pattern(
        "",
        r"expected an indented block after (.+?)(?: on line (\d+))?$",
        "The lines that belong to {0} are missing or not indented.",
        "Indent the lines below by four spaces; if nothing is to be done there, write pass.",
    ),
    build_pattern(
        "",
        r"unexpected indent",
        "This line is indented further than the one before.",
        "Begin it at the same column as the line before.",
    ),
    build_pattern(
        "",
        r"unindent does not match|inconsistent use of tabs",
        "This line is not level with any line before it.",
        "Use four spaces for each level, and no tabs.",
    ),
    build_pattern(
        "",
        r"Maybe you meant '==' (?:or ':=' )?instead of '='",
        "A single = sets a variable; it does not compare.",
        "Write == to compare.",
    ),
    build_pattern(
        "",
        r"Perhaps you forgot a comma",
        "Something is missing between two values.",
        "Put a comma between them.",
    ),
    build_pattern(
        "",
        r"Missing parentheses in call to 'print'",
        "“print” needs brackets.",
        'Write print("...") with brackets around the text.',
    ),
    build_pattern(
        "",
        r"invalid character '(.)'",
        "The character {0} does not belong here.",
        "Use plain marks: \" and ' for texts, - for minus. They often change when text is copied from elsewhere.",
    ),
    build_pattern(
        "",
        r"invalid non-printable character (\S+)",
        "There is a character here that cannot be seen ({0}).",
        "Delete the line and type it again.",
    ),
    build_pattern(
        "",
        r"invalid decimal literal|leading zeros in decimal",
        "This is not a number, nor a name.",
        "A name may not begin with a digit; a number has no letters and no leading zeros.",
    ),
    build_pattern(
        "",
        r"^'(break|continue)' (?:outside|not properly in) loop",
        "“{0}” stands outside of a loop.",
        "Use it only inside “for” or “while”.",
    ),
    build_pattern(
        "", r"^cannot assign to", "A value cannot be given to this.", "On the left of = stands a variable."
    ),
    build_pattern(
        "",
        r"^f-string: (.+)",
        'The text in braces of this f"..." cannot be read: {0}.',
        "Use other quotation marks inside the braces than around the text, and keep what is in braces short.",
    ),
    build_pattern(
        "",
        r"too many statically nested blocks",
        "Loops and conditions are nested too deeply.",
        "Put the inner ones into a function.",
    ),
    build_pattern(
        "",
        r"positional argument follows keyword argument",
        "A value without a name stands behind one with a name.",
        "Put the values without a name first.",
    ),
    build_pattern(
        "",
        r"(?:keyword argument repeated: |duplicate argument )'?(\w+)",
        "“{0}” is given twice.",
        "Delete one.",
    ),
)

TEMPLATE_SYNTAX: Final = (
    build_pattern(
        "",
        r"No filter named '(\w*)'",
        "There is no filter “{0}”.",
        "Filters are words such as upper, title, default, join or round.",
    ),
    build_pattern(
        "",
        r"unknown tag '(\w*)'",
        "“{0}” is not known as the beginning of {{% ... %}}.",
        "There is if, for, set and macro, and their ends: endif, endfor, endmacro.",
    ),
    build_pattern(
        "",
        r"innermost block that needs to be closed is '(\w+)'",
        "“{0}” is never ended.",
        "Add {{% end{0} %}} where it ends.",
    ),
    build_pattern(
        "",
        r"Expected an expression, got '(.*?)'",
        "A name or a value is missing before {0}.",
        "Write what is to be shown or compared.",
    ),
    build_pattern(
        "",
        r"unexpected 'end of template'|unexpected end of template|Unexpected end of template|Missing end of",
        "The template ends in the middle.",
        "Close every {{{{ with }}}}, every {{% with %}}, and every bracket.",
    ),
    build_pattern(
        "",
        r"unexpected '(.*?)'",
        "“{0}” is not expected here.",
        "Look for a missing }}}}, a comma or a quotation mark.",
    ),
    build_pattern(
        "",
        r"expected token '(.*?)', got '(.*?)'",
        "There should be “{0}” instead of “{1}”.",
        "Look for a missing }}}}, a comma or a quotation mark.",
    ),
    build_pattern(
        "", r"No test named '(\w*)'", "There is no test “{0}”.", "Compare with ==, or use “is defined”."
    ),
)
