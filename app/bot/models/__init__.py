"""Tables of the pipeline: connections, contacts, chats, messages, runs and the workers' own."""

from app.bot.models.connection import Connection
from app.bot.models.core import Chat, Contact, Message, Receipt
from app.bot.models.failure import Attempt, BulkAction
from app.bot.models.inbox import ChatLabel, Label, MediaFile, Note, SavedReply
from app.bot.models.learning import IgnoredMessage
from app.bot.models.run import CommandError, Cooldown, Run, Schedule
from app.bot.models.worker import Counter, Notice, UnindexedText, WorkerHeartbeat

__all__ = [
    "Attempt",
    "BulkAction",
    "Chat",
    "ChatLabel",
    "CommandError",
    "Connection",
    "Contact",
    "Cooldown",
    "Counter",
    "IgnoredMessage",
    "Label",
    "MediaFile",
    "Message",
    "Note",
    "Notice",
    "Receipt",
    "Run",
    "SavedReply",
    "Schedule",
    "UnindexedText",
    "WorkerHeartbeat",
]
