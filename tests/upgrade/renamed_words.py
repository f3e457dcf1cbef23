"""Words of pages that were renamed since the version before: its texts are compared after these replacements.

A line is a pattern of the whole old text or of a part of it, and what stands there now. Whoever renames words of a
chat, a trace or “Why?” adds a line.
"""

import re

_RENAMED = (
    # Chats.
    (r"^WhatsApp has taken it\.$", "It was accepted for delivery."),
    (r"^Unknown$", "Unconfirmed"),
    (r"^Dead$", "Failed"),
    (r"\bRevoke$", "Deletion"),
    # What kinds with content of their own show instead of the name of the kind.
    (r"^(Location|Contact card|Order|Sent|Unsupported message)$", ""),
    # “Why?”.
    (r"^Nothing fits$", "No match"),
    (r"^Nothing to say$", "No reply"),
    (r"^Lost to another trigger$", "Another trigger matched first"),
    (r"^Brain put away$", "Brain archived"),
    (r"^No command fits this message\.$", "No command matches this message."),
    (r"or one for “Anything else”\.$", "or a default reply."),
    (r"never asks a brain\.$", "never runs a brain."),
    (r"^Look at who may use it, and where\.$", "Check its restrictions."),
    (r"is put away\.$", "is archived."),
    (r"^Bring it back, or", "Restore it, or"),
    (r"only takes an approved template then", "only accepts an approved template then"),
    (r"^WhatsApp delivered this message", "This message was delivered"),
    (r"see on the dashboard whether a worker runs", "check on the dashboard that a worker is running"),
    (r"” fits and has answered", "” matches and has answered"),
    (r"” fits too, but is asked later", "” matches too, but is checked later"),
    (r"” fits, but it", "” matches, but it"),
    (r"” took the message and decided to say nothing", "” matches and did not reply"),
    (r"” is asked before “", "” is checked before “"),
    (r"”, which fits too; it took", "”, which matches too; it took"),
    (r"it took the message and said nothing", "it took the message and did not reply"),
    (r"(?<!\.)\.\.$", "."),
    # The trace.
    (r"^Taken up by a worker$", "Started by a worker"),
    (r"^Why each did or did not fire$", "Why each did or did not match"),
    (r"^With the clock, chance, memory and", "With the time, random numbers, variables and"),
    (r"and answers of then\.", "and responses recorded then."),
    (r"^Taken from the simulated phone", "Received from the simulated phone"),
    (r"^Taken by (.+) at try (\d+)$", r"Accepted by \1, attempt \2"),
    (r"^Taken by ", "Accepted by "),
    (r"^Asked (\d+) triggers: none fits$", r"Checked \1 triggers: no match"),
    (r"^Asked (\d+) trigger", r"Checked \1 trigger"),
    (r"^Stored, with nothing to say$", "Stored, no reply"),
    (r"^Kept, but no brain was asked\.$", "Kept, but no brain ran."),
    (r"^Its prompt was asked", "Its prompt was sent"),
    (r"^Try (\d+) was refused", r"Attempt \1 was refused"),
    (r"^The answer to try (\d+) was lost", r"The response to attempt \1 was lost"),
    (r"^Set aside by ", "Dismissed by "),
    (r"^Looked at again at ", "Checked again at "),
    (r"this contact tries it before everyone has it$", "this contact is in the gradual rollout"),
)  # fmt: skip
RENAMED = tuple((re.compile(pattern), now) for pattern, now in _RENAMED)


def rename(line: str) -> str:
    """Write a text of the version before with today's words; empty where something else stands there now."""
    for pattern, now in RENAMED:
        line = pattern.sub(now, line)
    return line
