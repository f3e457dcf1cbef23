"""Contract of channels that can mark messages as read and show that an answer is being written."""

from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from app.channels.contract import Channel, SendResult
from app.http_client import HttpSession


@runtime_checkable
class ReadMarkChannel(Channel, Protocol):
    """A channel whose people see that their message was read, and that an answer is being written."""

    async def mark_read(
        self,
        http: HttpSession,
        config: BaseModel,
        account: str,
        message_id: str,
        *,
        is_typing: bool = False,
    ) -> SendResult:
        """Mark a message and those before it as read, and show typing too; the outcome is no error, as for sends."""
        ...
