"""Errors of requests without a status, by what is known: nothing was written, or nobody knows; texts in plain words."""


class NotSentError(Exception):
    """Not a byte of the request was written: it may be sent again."""


class BadAddressError(NotSentError):
    """An address that is no web address."""


class BadHeaderError(NotSentError):
    """A header that cannot be sent: a line break in it would begin another one."""


class BrokenError(Exception):
    """Bytes of the request may have left and no status was read: the server may have done what was asked."""
