"""Findings of a check of the audit: their kinds, what each means in words, and how many are named."""

from enum import StrEnum
from typing import Final

from app.immutable import immutable

# The doctor names so many; `flask audit verify` all.
MAX_NAMED: Final = 10


class FindingKind(StrEnum):
    """What is wrong with the audit; the values stand in the output of `flask doctor` and `flask audit verify`."""

    ALTERED = "altered"
    TIME_MOVED = "time moved"
    LINK_ALTERED = "link altered"
    REHASHED = "hashed without the key"
    REMOVED = "removed"
    BEGINNING_REMOVED = "beginning removed"
    TRUNCATED = "truncated"
    TRUNCATED_WITH_HEAD = "truncated with its head"
    EMPTIED = "emptied"
    DROPPED = "table dropped"
    INSERTED = "inserted"
    REORDERED = "reordered"
    RENUMBERED = "renumbered"
    DUPLICATED = "duplicated"
    CLOCK_BACK = "clock went back"
    HEAD_ALTERED = "head altered"
    HEAD_REMOVED = "head removed"
    KEY_REMOVED = "key removed"
    KEY_UNREADABLE = "key unreadable"
    ANCHOR_ALTERED = "anchor altered"
    ANCHOR_REMOVED = "anchor removed"
    REWRITTEN = "rewritten"
    UNPROTECTED = "triggers removed"


_TEXTS: Final = {
    FindingKind.ALTERED: "was changed after it was written",
    FindingKind.TIME_MOVED: "was changed after it was written: its time lies before that of the entry before",
    FindingKind.LINK_ALTERED: "no longer names the entry before it",
    FindingKind.REHASHED: "has a hash that was computed without the key",
    FindingKind.REMOVED: "is missing: the entry after it is there",
    FindingKind.BEGINNING_REMOVED: "is missing from the beginning",
    FindingKind.TRUNCATED: "is missing at the end: the head counted it",
    FindingKind.TRUNCATED_WITH_HEAD: (
        "is missing at the end: the file audit.anchor of the data folder knows of it, the database does not. "
        "Either it was removed, or an older backup was restored"
    ),
    FindingKind.EMPTIED: "is missing: there is no entry at all",
    FindingKind.DROPPED: "The tables of the audit are not there",
    FindingKind.INSERTED: "was not written by this installation",
    FindingKind.REORDERED: "changed places with another",
    FindingKind.RENUMBERED: "was written under another number",
    FindingKind.DUPLICATED: "is a copy of another entry",
    FindingKind.CLOCK_BACK: "is older than the entry before it: a clock went back",
    FindingKind.HEAD_ALTERED: "The head of the chain does not name the last entry",
    FindingKind.HEAD_REMOVED: "The head of the chain is missing",
    FindingKind.KEY_REMOVED: "was written with a key that is missing: only its place in the chain could be checked",
    FindingKind.KEY_UNREADABLE: (
        "was written with a key that does not open with this SECRET_KEY: only its place in the chain was checked. "
        "Put the former key into SECRET_KEYS_OLD; if it is there, the stored key was changed"
    ),
    FindingKind.ANCHOR_ALTERED: "The file audit.anchor was changed, or is of another installation",
    FindingKind.ANCHOR_REMOVED: "The file audit.anchor is missing: a cut at the end would not be noticed",
    FindingKind.REWRITTEN: "is another one than the file audit.anchor knows: history was written anew",
    FindingKind.UNPROTECTED: "The database's triggers that refuse changes of entries are missing",
}


@immutable
class Finding:
    """One thing that is wrong; `first` and `last` are the numbers of the entries it is about, 0 where it is none."""

    kind: FindingKind
    first: int = 0
    last: int = 0

    @property
    def text(self) -> str:
        """What is wrong, as a sentence."""
        text = _TEXTS[self.kind]
        if not self.first:
            return f"{text}."
        if self.last > self.first:
            return f"Each of the entries {self.first} to {self.last} {text}."
        return f"Entry {self.first} {text}."
