"""Capability `ctx.schedule`: permission with its default number of waiting commands."""

from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from app.brains import limits
from app.brains.capabilities.grant import Grant
from app.brains.capabilities.kind import CapabilityKind, FormField
from app.brains.capabilities.script_call import ReferenceEntry


class ScheduleGrant(Grant):
    """Permission to run commands later, with the number that may wait in one chat."""

    max_pending: Annotated[int, Field(ge=1, le=limits.SCHEDULED)] = limits.SCHEDULED


class ScheduleKind(CapabilityKind):
    """The permission to schedule commands; the effects of a run carry them out."""

    name = "schedule"
    order = 50
    Grant = ScheduleGrant
    title = "Run commands later"
    help = "Reminders and follow-ups; the chat gets them without another message."
    purpose = "schedule commands"
    attributes = ("schedule", "cancel")
    is_initial = True
    sample = MappingProxyType({"max_pending": 5})
    section = "Later, and by others"
    reference = (
        ReferenceEntry(
            "schedule", 'ctx.schedule("Reminder", after=3600, name="tea")', "Runs a command later"
        ),
        ReferenceEntry("cancel", 'ctx.cancel("tea")', "Takes a scheduled run back by its name"),
    )
    fields = (
        FormField(
            "max_pending",
            "schedule_pending",
            "Waiting in one chat",
            "number",
            f"{limits.SCHEDULED} at most",
        ),
    )

    def describe(self, grant: ScheduleGrant) -> str:
        """Return how many commands may wait, as a text."""
        return f"Run commands later, up to {grant.max_pending} waiting in one chat"


capability = ScheduleKind()
