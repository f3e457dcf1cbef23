"""Job: erase people, and delete what is older than its retention."""

from app.db.maintenance_job import JobResources, MaintenanceJob
from app.files import FileStore
from app.privacy.erasure import ErasureRunner
from app.privacy.job import PrivacyJob
from app.privacy.retention import RetentionRunner


def build_job(resources: JobResources) -> MaintenanceJob:
    """Build the job with the process's own runner of erasures."""
    retention = RetentionRunner(resources.database, resources.get(FileStore), resources.clock)
    return PrivacyJob(resources.get(ErasureRunner), retention).job
