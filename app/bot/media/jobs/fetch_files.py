"""Job: fetch the files that came with messages."""

from app.bot.connections.registry import ConnectionRegistry
from app.bot.connections.store import ConnectionStore
from app.bot.media.fetcher import Fetcher
from app.db.maintenance_job import JobResources, MaintenanceJob
from app.files import FileStore


def build_job(resources: JobResources) -> MaintenanceJob:
    """Build the job with the process's connections and files."""
    channels = resources.get(ConnectionStore).channels
    registry, files = resources.get(ConnectionRegistry), resources.get(FileStore)
    return Fetcher(resources.database, channels, registry, files, resources.clock).job
