"""Actor: the person, token, command line or job in whose name this thread writes (`bind_actor`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Final

from app.immutable import immutable


class ActorKind(StrEnum):
    """What acts; the values are stored with entries of the audit."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105  a name
    COMMAND_LINE = "command_line"
    SYSTEM = "system"


@immutable
class Actor:
    """Who acts: id and name of the person or token, name of the operating system's user or of the job.

    `address` is the IP address of a request, `request_id` what its log lines have in common.
    """

    kind: ActorKind
    id: int | None = None
    name: str = ""
    address: str | None = None
    request_id: str | None = None


SYSTEM: Final = Actor(ActorKind.SYSTEM, name="Brainbox")
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def get_actor() -> Actor:
    """Return who acts in this thread; the system where nobody was bound."""
    return _actor.get()


def set_actor(actor: Actor) -> None:
    """Let `actor` act in this thread, until another is set."""
    _actor.set(actor)


@contextmanager
def bind_actor(actor: Actor) -> Iterator[None]:
    """Let `actor` act in this thread for a while."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def build_job_actor(job: str) -> Actor:
    """Return the actor of a maintenance job, or of whatever else the system does by itself."""
    return Actor(ActorKind.SYSTEM, name=job)
