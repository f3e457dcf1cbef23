"""Roles of users, and the rights of each; the one table that pages, live topics and the command line go by."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Role of a user."""

    OWNER = "owner"
    EDITOR = "editor"
    AGENT = "agent"
    VIEWER = "viewer"


class Right(StrEnum):
    """What a page, a live topic or an action asks for; each asks for exactly one."""

    ACCOUNT = "account"
    READ_CHATS = "read_chats"
    WRITE_CHATS = "write_chats"
    READ_BRAINS = "read_brains"
    WRITE_BRAINS = "write_brains"
    ADMINISTER = "administer"


ROLE_RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.OWNER: frozenset(Right),
    Role.EDITOR: frozenset(set(Right) - {Right.ADMINISTER}),
    Role.AGENT: frozenset({Right.ACCOUNT, Right.READ_CHATS, Right.WRITE_CHATS}),
    Role.VIEWER: frozenset({Right.ACCOUNT, Right.READ_CHATS, Right.READ_BRAINS}),
}

# As they are explained to whoever gives one, in this order.
ROLE_DESCRIPTIONS: Final[Mapping[Role, str]] = {
    Role.OWNER: "Everything, also people, secrets and keys, privacy.",
    Role.EDITOR: "Brains, chats, connections without their secrets.",
    Role.AGENT: "Chats: reply, notes, labels, takeover. No brains.",
    Role.VIEWER: "Reads chats, brains and analytics, changes nothing.",
}

RIGHT_DESCRIPTIONS: Final[Mapping[Right, str]] = {
    Right.ACCOUNT: "one's own account, search, the list of settings",
    Right.READ_CHATS: "chats with their files, saved replies, failed messages",
    Right.WRITE_CHATS: "reply, send again, notes, labels of chats, takeover",
    Right.READ_BRAINS: "brains and how they do: dashboard, analytics, tests, traces, notices, connections",
    Right.WRITE_BRAINS: (
        "brains, tests and versions; labels, saved replies, failures in bulk, exports; connections without secrets"
    ),
    Right.ADMINISTER: "people, secrets of connections, keys of AI providers, privacy and data retention",
}


def has_right(role: str, right: Right) -> bool:
    """Tell whether a role has a right; a role that no longer exists has none."""
    return role in ROLE_RIGHTS and right in ROLE_RIGHTS[Role(role)]


def describe_role(role: str) -> str:
    """Return a role with its article, such as “an agent”."""
    return f"{'an' if role[0] in 'aeio' else 'a'} {role}"


def list_roles(right: Right) -> list[Role]:
    """List the roles that have a right, the one with the most rights first."""
    return [role for role in Role if right in ROLE_RIGHTS[role]]
