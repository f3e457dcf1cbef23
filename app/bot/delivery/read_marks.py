"""Read marks and typing indicators by the settings of a connection: when, how often, and the pause after a refusal.

They are sent after what they are about is committed, and nothing waits for them. One that fails is counted and
forgotten. A connection where both are off costs a look-up, and no thread.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.bot.connections.registry import ConnectionRegistry, OpenConnection
from app.bot.delivery.http_loop import HttpLoop
from app.bot.delivery.rate_limit import SendTarget
from app.bot.health.counters import Counters
from app.bot.states import ReadMark
from app.channels.contract import (
    Channel,
    InboundMessage,
    Item,
    RefusalClass,
    SendRefusal,
    SendResult,
    SendSuccess,
)
from app.channels.read_mark_contract import ReadMarkChannel
from app.clock import MINUTE_MS

log = structlog.get_logger(__name__)

FAILED_COUNTER: Final = "read_mark.failed"
TYPING_AFTER_S: Final = 1.0
# WhatsApp shows the indicator for 25 s; a turn that takes longer has it shown again, so many times in all.
TYPING_INTERVAL_S: Final = 20.0
MAX_TYPING: Final = 6
# Beyond so many at once they are dropped: a mark that comes late is worth less than the sends it would slow down.
MAX_UNDER_WAY: Final = 64
TIMEOUT_S: Final = 10.0
# After a refusal that the next one would meet as well, a connection sends none for so long.
PAUSE_MS: Final = MINUTE_MS
_OF_THIS_MESSAGE: Final = frozenset({RefusalClass.NEVER, RefusalClass.FIX})


@dataclass(slots=True)
class _TurnInProgress:
    connection: OpenConnection
    message_id: str
    timer: asyncio.TimerHandle | None = None
    shown_count: int = 0


class ReadMarks:
    """Marks messages as read and shows typing; every method returns at once, from any thread."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        registry: ConnectionRegistry,
        counters: Counters,
        clock: Callable[[], int],
        loop: HttpLoop,
    ) -> None:
        self._channels = channels
        self._registry = registry
        self._counters = counters
        self._clock = clock
        self._loop = loop
        self._lock = threading.Lock()
        self._unreadable_logged_at = -MINUTE_MS
        # Chats whose turn is watched, for a quick answer in the threads of callers.
        self._watched: set[int] = set()
        # What follows is used in the loop's thread only.
        self._turns: dict[int, _TurnInProgress] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused_until: dict[int, int] = {}
        self._unlogged: Counter[int] = Counter()
        self._logged_at: dict[int, int] = {}

    def note_received(self, parts: Sequence[tuple[int, Sequence[Item]]]) -> None:
        """Mark the newest stored message of each person as read, where that is done at once."""
        for connection_id, items in parts:
            connection = self._find(connection_id)
            if connection is None or connection.mark_read != ReadMark.AT_ONCE:
                continue
            newest = {
                item.person: item.provider_id
                for item in items
                if isinstance(item, InboundMessage)
                and item.is_trigger
                and not (item.outgoing or item.group_id)
            }
            for message_id in newest.values():
                self._loop.submit(self._start, connection, message_id)

    def note_opened(self, connection_id: int, message_id: str) -> None:
        """Mark a message as read that an operator has looked at, unless the connection marks none."""
        connection = self._find(connection_id)
        if connection and connection.mark_read != ReadMark.OFF:
            self._loop.submit(self._start, connection, message_id)

    def begin_turn(self, target: SendTarget, chat_id: int, message_id: str) -> None:
        """Watch a turn: typing is shown when it takes long; nothing is shown in groups."""
        connection = None if target.group_id else self._find(target.connection_id)
        if connection and (connection.show_typing or connection.mark_read == ReadMark.ON_ANSWER):
            self._watched.add(chat_id)
            self._loop.submit(self._watch, chat_id, _TurnInProgress(connection, message_id))

    def end_turn(self, chat_id: int, answered_id: str | None = None) -> None:
        """End the watch; `answered_id` names the message that is answered, None when none is."""
        if chat_id in self._watched:
            self._watched.discard(chat_id)
            self._loop.submit(self._unwatch, chat_id, answered_id)

    def close(self) -> None:
        """Stop; marks under way are dropped."""
        self._loop.wait_for(self._cancel_all, TIMEOUT_S)

    def _find(self, connection_id: int) -> OpenConnection | None:
        """Return a connection that marks or shows something, on a channel that can."""
        try:
            connection = self._registry.find(connection_id)
        except SQLAlchemyError as error:
            self._note_unreadable(error)
            return None
        if connection is None or (connection.mark_read == ReadMark.OFF and not connection.show_typing):
            return None
        return connection if isinstance(self._channels[connection.channel], ReadMarkChannel) else None

    def _note_unreadable(self, error: SQLAlchemyError) -> None:
        """Count a mark that is left out because the connections cannot be read; a line a minute tells of it."""
        self._counters.increment(FAILED_COUNTER)
        now = self._clock()
        with self._lock:
            is_due = now - self._unreadable_logged_at >= MINUTE_MS
            if is_due:
                self._unreadable_logged_at = now
        if is_due:
            log.warning("read marks left out: connections cannot be read", error=type(error).__name__)

    # In the loop's thread.

    def _watch(self, chat_id: int, turn: _TurnInProgress) -> None:
        self._unwatch(chat_id, None)
        self._turns[chat_id] = turn
        if turn.connection.show_typing:
            turn.timer = asyncio.get_running_loop().call_later(TYPING_AFTER_S, self._show_typing, turn)

    def _show_typing(self, turn: _TurnInProgress) -> None:
        self._start(turn.connection, turn.message_id, is_typing=True)
        turn.shown_count += 1
        if turn.shown_count < MAX_TYPING:
            turn.timer = asyncio.get_running_loop().call_later(TYPING_INTERVAL_S, self._show_typing, turn)

    def _unwatch(self, chat_id: int, answered_id: str | None) -> None:
        turn = self._turns.pop(chat_id, None)
        if turn is None:
            return
        if turn.timer:
            turn.timer.cancel()
        # Typing has marked it already.
        is_marked = turn.shown_count and turn.message_id == answered_id
        if answered_id and turn.connection.mark_read == ReadMark.ON_ANSWER and not is_marked:
            self._start(turn.connection, answered_id)

    def _start(self, connection: OpenConnection, message_id: str, *, is_typing: bool = False) -> None:
        if self._clock() < self._paused_until.get(connection.id, 0):
            self._counters.increment(FAILED_COUNTER)
        elif len(self._tasks) >= MAX_UNDER_WAY:
            self._note_failure(connection, "too many at once")
        else:
            self._spawn(self._send(connection, message_id, is_typing=is_typing))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, connection: OpenConnection, message_id: str, *, is_typing: bool) -> None:
        channel = self._channels[connection.channel]
        if not isinstance(channel, ReadMarkChannel):
            return
        try:
            async with asyncio.timeout(TIMEOUT_S):
                result: SendResult = await channel.mark_read(
                    self._loop.get_http(),
                    connection.config,
                    connection.account,
                    message_id,
                    is_typing=is_typing,
                )
        except TimeoutError:
            self._pause(connection, "no answer in time")
            return
        if isinstance(result, SendSuccess):
            return
        if isinstance(result, SendRefusal) and result.refusal_class in _OF_THIS_MESSAGE:
            self._note_failure(connection, result.message)
        else:
            self._pause(connection, result.message)

    def _pause(self, connection: OpenConnection, reason: str) -> None:
        self._paused_until[connection.id] = self._clock() + PAUSE_MS
        self._note_failure(connection, reason)

    def _note_failure(self, connection: OpenConnection, reason: str) -> None:
        """Count a failure; a line a minute tells of all of them."""
        self._counters.increment(FAILED_COUNTER)
        self._unlogged[connection.id] += 1
        now = self._clock()
        if now - self._logged_at.get(connection.id, -MINUTE_MS) >= MINUTE_MS:
            self._logged_at[connection.id] = now
            number = self._unlogged.pop(connection.id)
            log.warning("read marks failed", connection=connection.id, number=number, reason=reason)

    async def _cancel_all(self) -> None:
        for turn in self._turns.values():
            if turn.timer:
                turn.timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
