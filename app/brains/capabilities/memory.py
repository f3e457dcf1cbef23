"""Capability `ctx.memory`: permission with its default number of variables; leaderboard call."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field

from app.brains import limits
from app.brains.capabilities.contract import CallContext, CallRefusal, check_arguments, read_text
from app.brains.capabilities.grant import Grant
from app.brains.capabilities.kind import CapabilityKind, Environment, FormField
from app.brains.capabilities.script_call import ReferenceEntry


class MemoryGrant(Grant):
    """Permission to store variables by contact, chat and brain."""

    max_entries: Annotated[int, Field(ge=1, le=limits.MAX_MEMORY_ENTRIES)] = limits.MEMORY_ENTRIES


class Leaderboard:
    """Answers `memory.top`: the contacts or chats with the highest numbers under one key."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def answer(self, method: str, arguments: Mapping[str, Any], context: CallContext) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return [{"id", "name", "value"}], the highest first; raises CallRefusal."""
        check_arguments(arguments, frozenset({"key", "n", "scope"}))
        key, n = read_text(arguments, "key", limits.MEMORY_KEY_CHARS), arguments.get("n", 10)
        scope = arguments.get("scope", "contact")
        if type(n) is not int or not 1 <= n <= limits.MEMORY_TOP:
            raise CallRefusal("limit", f"n must be between 1 and {limits.MEMORY_TOP}.")
        if scope not in {"contact", "chat"}:
            raise CallRefusal("denied", "The highest values are those of a contact or of a chat.")
        with self._environment.read() as session:
            found = self._environment.select_highest(session, context, key, n, scope)
            names = self._environment.load_names(session, scope, [number for number, _ in found])
        return [
            {
                "id": names.get(number, (str(number), ""))[0],
                "name": names.get(number, ("", ""))[1],
                "value": value,
            }
            for number, value in found
        ]


class MemoryKind(CapabilityKind):
    """The permission to store variables; changes are effects of a run, only the leaderboard is a call."""

    name = "memory"
    order = 10
    Grant = MemoryGrant
    title = "Store variables"
    help = "For each contact, each chat and the whole brain."
    purpose = "remember anything"
    attributes = ("memory",)
    methods = ("memory.top",)
    is_initial = True
    sample = MappingProxyType({"max_entries": 5})
    section = "Remembering"
    reference = (
        ReferenceEntry(
            "memory.get", 'ctx.memory.get("points", 0)', 'Reads; scope="contact", "chat" or "brain"'
        ),
        ReferenceEntry(
            "memory.set",
            'ctx.memory.set("city", "Accra", ttl=86400)',
            "Stores a variable; ttl in seconds",
        ),
        ReferenceEntry(
            "memory.incr", 'ctx.memory.incr("points")', "Adds 1 (or by=5) and gives the new number"
        ),
        ReferenceEntry("memory.delete", 'ctx.memory.delete("city")', "Deletes a variable"),
        ReferenceEntry("memory.keys", "ctx.memory.keys()", "Names of all variables"),
        ReferenceEntry(
            "memory.top",
            'ctx.memory.top("points", 10)',
            "The highest numbers, with .id .name .value of each",
        ),
    )
    fields = (
        FormField(
            "max_entries",
            "memory_entries",
            "Variables for each",
            "number",
            f"{limits.MAX_MEMORY_ENTRIES} at most",
        ),
    )

    def build(self, environment: Environment) -> Leaderboard:
        """Return the capability that answers `memory.top`."""
        return Leaderboard(environment)

    def describe_call(self, method: str, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002  one method
        """Return the requested key."""
        key = arguments.get("key")
        return key if isinstance(key, str) else ""

    def describe(self, grant: MemoryGrant) -> str:
        """Return how many variables may be stored, as a text."""
        return f"Store up to {grant.max_entries} variables for each contact and chat"


capability = MemoryKind()
