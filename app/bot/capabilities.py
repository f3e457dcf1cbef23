"""What scripts may ask for in this installation."""

from app.bot.people import names_of
from app.brains.ai.ledger import Ledger
from app.brains.capabilities.ai import Ai, Provider
from app.brains.capabilities.contract import Capabilities
from app.brains.capabilities.http import Http
from app.brains.capabilities.top import MemoryTop
from app.writer import Database


def make_capabilities(database: Database, provider: Provider) -> Capabilities:
    """Wire each capability to what it needs; by method name."""
    http = Http()
    return {
        "http.get": http,
        "http.post": http,
        "ai": Ai(provider, Ledger(database)),
        "memory.top": MemoryTop(database.read, names_of),
    }
