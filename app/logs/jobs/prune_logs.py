"""Job: delete log lines that are too old or too many (interval, pause between batches)."""

from functools import partial
from typing import Final

from app.clock import MINUTE_MS
from app.db.maintenance_job import JobContext, JobResources, MaintenanceJob
from app.logs.log_services import LogServices
from app.logs.store.event_pruning import KeepRules, prune
from app.settings import Settings

# Between two batches (ms): others may write.
PAUSE_MS: Final = 100


def build_job(resources: JobResources) -> MaintenanceJob:
    """Build the job with the process's own store."""
    settings = resources.get(Settings)
    rules = KeepRules(settings.log_days, settings.log_error_days, settings.log_megabytes)
    run = partial(_prune, resources, rules) if settings.log_store else _do_nothing
    return MaintenanceJob(
        name="prune_logs", run=run, interval_ms=5 * MINUTE_MS, pause_ms=PAUSE_MS, own_thread=True
    )


def _prune(resources: JobResources, rules: KeepRules, context: JobContext) -> bool:
    return prune(resources.get(LogServices).store, rules, context.now)


def _do_nothing(_context: JobContext) -> bool:
    return False
