"""Phones beside the editor: every input goes to the draft and to the live version, and nothing leaves."""

from app.brains.playground.arm import EDITS, Arm, ArmOf, Broken
from app.brains.playground.case import NothingToSave, case_of
from app.brains.playground.course import act, replay
from app.brains.playground.ground import (
    ARMS,
    DRAFT,
    LIVE,
    Refused,
    State,
    add_group,
    add_person,
    can,
    fresh,
    phone_of,
    rested,
)
from app.brains.playground.store import Stale, load, save
from app.brains.playground.thread import Line, asked, choice_of, lines

__all__ = [
    "ARMS",
    "DRAFT",
    "EDITS",
    "LIVE",
    "Arm",
    "ArmOf",
    "Broken",
    "Line",
    "NothingToSave",
    "Refused",
    "Stale",
    "State",
    "act",
    "add_group",
    "add_person",
    "asked",
    "can",
    "case_of",
    "choice_of",
    "fresh",
    "lines",
    "load",
    "phone_of",
    "replay",
    "rested",
    "save",
]
