"""Branch of the cooldowns: how long commands rest by another version's settings and its own runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.brains.effects.model import Cool, Effect
from app.brains.runtime.program import Program, build_cooldown_scope
from app.brains.turn import Turn

# Moments (ms) until which commands rest, by command id and scope.
CooldownEnds = Mapping[tuple[str, str], int]


class CooldownBranch:
    """Cooldowns of a draft, carried forward from run to run.

    `since` is the moment (ms) from which only the draft's own runs count, None for that of the first run; `ends` are
    those of its runs so far. Before, a command last ran when the recorded cooldown says.
    """

    def __init__(self, draft: Program, since: int | None = None, ends: CooldownEnds | None = None) -> None:
        self._draft = draft
        self._since = since
        self._ends = dict(ends or {})
        self.changed: dict[tuple[str, str], int] = {}

    def read(self, turn: Turn, rests: Sequence[Any] | None, recorded: Program | None) -> CooldownEnds:
        """Return the draft's cooldowns for a turn; `rests` are command id and end as recorded with its version."""
        if self._since is None:
            self._since = turn.now
        if rests and recorded:
            self._take_over(turn, rests, recorded, self._since)
        return self._ends

    def apply(self, effects: Iterable[Effect]) -> None:
        """Apply the cooldowns among the effects of one of the draft's runs."""
        begun = {(each.command_id, each.scope): each.until for each in effects if isinstance(each, Cool)}
        self._ends |= begun
        self.changed |= begun

    def _take_over(self, turn: Turn, rests: Sequence[Any], recorded: Program, since: int) -> None:
        """Take over a run from before `since`, with the draft's seconds."""
        command_id, ends_at = rests
        before, after = recorded.by_id.get(command_id), self._draft.by_id.get(command_id)
        old = before.command.restrict.cooldown if before else None
        new = after.command.restrict.cooldown if after else None
        if after is None or old is None or new is None:
            return
        ran_at = ends_at - old.seconds * 1000
        # What rested for a wider circle may have run for somebody else of it.
        if ran_at < since and new.per in {old.per, "brain"}:
            key = (command_id, build_cooldown_scope(after.command, turn))
            self._ends.setdefault(key, ran_at + new.seconds * 1000)
