"""Signals between packages (`work_ready`, `changed`), sent after a commit; `DomainError`, parent of all errors."""

from blinker import Namespace


class DomainError(Exception):
    """Error that the product explains to its user; `code` is stable, the message says what to do."""

    code = "error"


_signals = Namespace()

# Rows of this chat are waiting for a worker: keyword `chats`, a count.
work_ready = _signals.signal("work-ready")
# Something the browser shows has changed: keyword `topics`, a set of room names.
changed = _signals.signal("changed")
