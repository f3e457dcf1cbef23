"""What a file asks to be allowed beyond what a brain may do already; each permission is given by name or not."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from app.brains.document import AiGrant, Grants, HttpGrant

NOT_NOW: Final = "not allowed now"

Sized = TypeVar("Sized", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Permit:
    """Something a file asks for; it is given by `key`, such as ai or http:api.example.com."""

    key: str
    words: str
    now: str = NOT_NOW


@dataclass(frozen=True, slots=True)
class Asked:
    """All that a file asks for, and the permissions in it that cannot be read (they are never given)."""

    permits: tuple[Permit, ...]
    unreadable: tuple[str, ...] = ()


def asked(wanted: Any, has: Any, *, keep: bool) -> Asked:
    """Compare the permissions a file is written with (`wanted`) to those a brain has; None = as every brain begins.

    `keep`: as in `settled`.
    """
    (new, unreadable), (old, _) = _read(wanted), _read(has)
    return Asked((*_http(new, old), *_ai(new, old, keep), *_rest(new, old)), unreadable)


def settled(wanted: Any, has: Any, given: Collection[str], *, keep: bool) -> dict[str, Any]:
    """Return the permissions after an import: what is asked and `given`, and no more than the brain has otherwise.

    `keep`: the brain keeps all it has; else only what the file asks for too.
    """
    (new, unreadable), (old, _) = _read(wanted), _read(has)
    keys = {permit.key for permit in asked(wanted, has, keep=keep).permits} & set(given)
    result = Grants(
        memory=new.memory if "memory" in keys else _least(new.memory, old.memory, keep),
        http=_hosts(new.http, old.http, keys, keep),
        ai=_tokens(new.ai, old.ai, "ai" in keys, keep),
        media=new.media if "media" in keys else _least(new.media, old.media, keep),
        schedule=new.schedule if "schedule" in keys else _least(new.schedule, old.schedule, keep),
    )
    if result.model_dump() == new.model_dump() and not unreadable and isinstance(wanted, Mapping):
        return dict(wanted)
    return result.model_dump(mode="json", exclude_defaults=True)


def _read(raw: Any) -> tuple[Grants, tuple[str, ...]]:
    """Read permissions one by one; what cannot be read is not there, and is named."""
    if raw is None:
        return Grants(), ()
    if not isinstance(raw, Mapping):
        return Grants(), ("grants",)
    fine: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in raw.items():
        try:
            Grants.model_validate({name: value})
        except ValidationError:
            wrong.append(str(name))
            fine[name] = None
        else:
            fine[name] = value
    known = {name: value for name, value in fine.items() if name in Grants.model_fields}
    return Grants.model_validate(known), tuple(wrong)


def _http(new: Grants, old: Grants) -> Iterator[Permit]:
    known = old.http.allow if old.http else ()
    for host in dict.fromkeys(new.http.allow if new.http else ()):
        if host not in known:
            yield Permit(f"http:{host}", f"Ask the web service {host}")


def _ai(new: Grants, old: Grants, keep: bool) -> Iterator[Permit]:
    if new.ai is None:
        return
    if old.ai and not _more(new.ai, old.ai) and (keep or new.ai.provider == old.ai.provider):
        return
    yield Permit("ai", f"Ask the AI, {_ai_size(new.ai)}", f"{_ai_size(old.ai)} now" if old.ai else NOT_NOW)


def _ai_size(grant: AiGrant) -> str:
    tokens = "any number of" if grant.monthly_tokens is None else f"up to {grant.monthly_tokens:,}"
    through = f" through “{grant.provider}”" if grant.provider else ""
    return f"{tokens} tokens a month{through}"


def _more(new: AiGrant, old: AiGrant) -> bool:
    if old.monthly_tokens is None:
        return False
    return new.monthly_tokens is None or new.monthly_tokens > old.monthly_tokens


def _rest(new: Grants, old: Grants) -> Iterator[Permit]:
    if new.memory and (old.memory is None or new.memory.max_entries > old.memory.max_entries):
        had = f"up to {old.memory.max_entries} now" if old.memory else NOT_NOW
        yield Permit(
            "memory", f"Remember up to {new.memory.max_entries} values for each contact and chat", had
        )
    if new.media and old.media is None:
        yield Permit("media", "Send images, files and sound")
    if new.schedule and (old.schedule is None or new.schedule.max_pending > old.schedule.max_pending):
        had = f"up to {old.schedule.max_pending} now" if old.schedule else NOT_NOW
        waiting = new.schedule.max_pending
        yield Permit("schedule", f"Run commands later, up to {waiting} waiting in one chat", had)


def _least(new: Sized | None, old: Sized | None, keep: bool) -> Sized | None:
    """Return what is left of a permission that was not given: what there was, or the less of both."""
    if keep or old is None or new is None:
        return old if keep or new else None
    return min(old, new, key=_size)


def _size(grant: BaseModel) -> int:
    """Return how much of something is allowed: a permission has one number, or none."""
    return next(iter(grant.model_dump().values()), 0)


def _hosts(new: HttpGrant | None, old: HttpGrant | None, given: set[str], keep: bool) -> HttpGrant | None:
    had = old.allow if old else ()
    asked_for = [host for host in (new.allow if new else ()) if host in had or f"http:{host}" in given]
    hosts = dict.fromkeys((*had, *asked_for) if keep else asked_for)
    # More than may be on a list is for the operator to sort out; nobody loses the list.
    return HttpGrant.model_construct(allow=tuple(hosts)) if hosts else None


def _tokens(new: AiGrant | None, old: AiGrant | None, given: bool, keep: bool) -> AiGrant | None:
    if not (new and (given or old)):
        return old if keep else None
    if old is None:
        return new
    more = _more(new, old)
    tokens = (new if (given and more if keep else given or not more) else old).monthly_tokens
    return AiGrant(provider=new.provider if given and not keep else old.provider, monthly_tokens=tokens)
