"""Contract of a capability kind: permission, quota, methods, form fields, documentation, texts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, ClassVar, Final

from app.brains import limits
from app.brains.ai.contract import ModelPort, UsageLedger
from app.brains.capabilities.contract import Capability
from app.brains.capabilities.grant import Grant
from app.brains.capabilities.script_call import ReferenceEntry, ScriptCall
from app.immutable import immutable

NOT_NOW: Final = "not allowed now"


@immutable
class PermissionRequest:
    """Permission that a file requests; it is granted by `key`, such as ai or http:api.example.com."""

    key: str
    description: str
    current: str = NOT_NOW


@immutable
class FormField:
    """One field of a permission in the form of a brain's settings.

    `name` is the field of the permission, `input` that of the form. `type`: number (empty = null where `is_optional`),
    lines (texts in lower case, one a line) or choice (from a list that the page knows; empty = null).
    """

    name: str
    input: str
    label: str
    type: str
    hint: str = ""
    placeholder: str = ""
    is_optional: bool = False


@immutable
class Environment:
    """Services of an installation that capabilities use.

    `read` opens a session of the database. `load_names` returns stable id and name of contacts or chats by number;
    `select_highest` returns number and value of those with the highest values. Without `models` nobody answers,
    without `ledger` nothing is counted.
    """

    read: Callable[[], AbstractContextManager[Any]]
    load_names: Callable[[Any, str, Sequence[int]], Mapping[int, tuple[str, str]]]
    select_highest: Callable[..., Sequence[tuple[int, float]]]
    models: ModelPort | None = None
    ledger: UsageLedger | None = None


class CapabilityKind:
    """Parent of every capability kind; class attributes without a value must be set.

    `order` is its place among the permissions of a document, and never changes. `purpose` completes “this brain may
    not …”, `attributes` are what of `ctx` needs the permission. `is_initial`: a new brain has it. `reaches_out`: it
    talks to servers of others. `quota` counts calls of a run. `section` is where the script reference lists it.
    `sample` holds settings of the permission that are valid, for tests.

    `calls` are what a script can call; `attributes`, `methods` and `reference` follow from them. A kind whose part of
    `ctx` is made by the sandbox itself (effects, memory) states those three instead.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    Grant: ClassVar[type[Grant]]
    title: ClassVar[str]
    help: ClassVar[str]
    purpose: ClassVar[str]
    attributes: ClassVar[tuple[str, ...]]
    section: ClassVar[str]
    calls: ClassVar[tuple[ScriptCall, ...]] = ()
    reference: ClassVar[tuple[ReferenceEntry, ...]]
    sample: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    fields: ClassVar[tuple[FormField, ...]] = ()
    methods: ClassVar[tuple[str, ...]] = ()
    quota: ClassVar[int] = limits.CALLS
    is_initial: ClassVar[bool] = False
    reaches_out: ClassVar[bool] = False
    # Of what a script says of itself (app.brains.sandbox.source_facts), for `find_misuse`.
    fact_kind: ClassVar[str] = ""
    misuse_code: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.calls:
            cls.attributes = tuple(dict.fromkeys(call.attribute for call in cls.calls))
            cls.methods = tuple(call.path for call in cls.calls)
            cls.reference = tuple(call.reference for call in cls.calls)

    @property
    def script_name(self) -> str:
        """Name by which a script calls it."""
        return f"ctx.{self.attributes[0]}"

    def build(self, environment: Environment) -> Capability:
        """Return the capability that answers the methods; called only for kinds with methods."""
        raise NotImplementedError(self.name)

    def describe_call(self, method: str, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002  for those with several
        """Return a short summary of a call for the trace, without secrets."""
        return ""

    def describe(self, grant: Any) -> str:  # noqa: ARG002  for those with settings
        """Return what a permission allows, as a text."""
        return self.title

    def find_requests(self, new: Any, old: Any, *, keep: bool) -> Iterator[PermissionRequest]:  # noqa: ARG002
        """Return what `new` allows beyond `old`; either may be None. `keep`: the brain keeps what it has."""
        if new is None or (old is not None and get_size(new) <= get_size(old)):
            return
        yield PermissionRequest(
            self.name, self.describe(new), f"up to {get_size(old)} now" if old is not None else NOT_NOW
        )

    def compute_grant(self, new: Any, old: Any, given: Collection[str], *, keep: bool) -> Any:
        """Return the permission after an import: `new` when its key is granted, else no more than `old`."""
        if self.name in given:
            return new
        if keep or old is None or new is None:
            return old if keep or new else None
        return min(old, new, key=get_size)

    def find_misuse(self, text: str, grant: Any, *, is_whole: bool) -> tuple[str, str] | None:  # noqa: ARG002
        """Return message and fix when a text of `fact_kind` will be refused; `is_whole`: nothing follows it."""
        return None


def get_size(grant: Any) -> int:
    """Return the number a permission allows; None for a permission without one."""
    return next(iter(grant.model_dump().values()), 0)
