"""Full-text index of messages, contacts and notes: what is indexed, kept right by triggers, filled and searched.

Words are cut in Python (`app.unicode`), the same for rows and queries; both databases store them as they are.
"""

from app.bot.full_text.indexing import (
    BACKLOG_COUNTERS,
    INDEXED_COUNTER,
    MESSAGE_BACKLOG_COUNTER,
    create_index,
    drop_index,
    include_name,
    index_backlog,
    index_messages,
    index_new_messages,
    optimize,
    replace_index,
)
from app.bot.full_text.query import (
    MAX_TERMS,
    MAX_UNINDEXED,
    Term,
    fold_query,
    parse_person_terms,
    parse_terms,
    select_ids,
    select_unindexed,
)
from app.bot.full_text.shown_text import find_shown_text

__all__ = [
    "BACKLOG_COUNTERS",
    "INDEXED_COUNTER",
    "MAX_TERMS",
    "MAX_UNINDEXED",
    "MESSAGE_BACKLOG_COUNTER",
    "Term",
    "create_index",
    "drop_index",
    "find_shown_text",
    "fold_query",
    "include_name",
    "index_backlog",
    "index_messages",
    "index_new_messages",
    "optimize",
    "parse_person_terms",
    "parse_terms",
    "replace_index",
    "select_ids",
    "select_unindexed",
]
