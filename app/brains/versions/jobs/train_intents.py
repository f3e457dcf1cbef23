"""Job: train intents whose training an operator has started."""

from app.brains.versions.training_runner import TrainingRunner
from app.db.maintenance_job import JobResources, MaintenanceJob


def build_job(resources: JobResources) -> MaintenanceJob:
    """Build the job with the process's database and clock."""
    return TrainingRunner(resources.database, resources.clock).job
