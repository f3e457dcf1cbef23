"""Job: run new versions in shadow mode on live messages."""

from app.bot.release.shadow import Shadow
from app.brains.runtime.runtime import Runtime
from app.brains.sandbox import Sandbox
from app.db.maintenance_job import JobResources, MaintenanceJob


def build_job(resources: JobResources) -> MaintenanceJob:
    """Build the job with the process's sandbox, which starts when a shadow first runs."""
    return Shadow(resources.database, lambda: Runtime(resources.get(Sandbox)), resources.clock).job
