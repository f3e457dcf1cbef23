"""Playground: simulated chats, answered by the draft and by the live version; nothing is sent."""

from app.brains.playground.actions import act, replay
from app.brains.playground.session import (
    DRAFT,
    LIVE,
    VARIANTS,
    PlaygroundRefusal,
    State,
    add_group,
    add_person,
    create,
    get_phone,
    reset,
    set_canned_answer,
)
from app.brains.playground.store import StalePlayground, load, save
from app.brains.playground.to_test import NothingToSave, build_case
from app.brains.playground.transcript import TranscriptLine, find_choice, find_words, list_calls, list_lines
from app.brains.playground.variant import EDITS, BrokenVariant, Variant, VariantOrBroken

__all__ = [
    "DRAFT",
    "EDITS",
    "LIVE",
    "VARIANTS",
    "BrokenVariant",
    "NothingToSave",
    "PlaygroundRefusal",
    "StalePlayground",
    "State",
    "TranscriptLine",
    "Variant",
    "VariantOrBroken",
    "act",
    "add_group",
    "add_person",
    "build_case",
    "create",
    "find_choice",
    "find_words",
    "get_phone",
    "list_calls",
    "list_lines",
    "load",
    "replay",
    "reset",
    "save",
    "set_canned_answer",
]
