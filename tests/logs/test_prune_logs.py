"""The job of pruning: found among the jobs, by the settings of the installation, and nothing where logs are off."""

from flask import Flask

from app.clock import DAY_MS
from app.db.maintenance_job import JobContext, MaintenanceJob
from app.logs.jobs.prune_logs import build_job  # noqa: F401  the job under test is found by its folder
from app.logs.store.event_search import EventQuery, search_events
from app.services import Services
from tests.logs.conftest import make_event


def find_job(services: Services) -> MaintenanceJob:
    return next(job for job in services.build_jobs() if job.name == "prune_logs")


def test_the_job_deletes_what_is_older_than_the_setting(installation: Flask):
    services: Services = installation.extensions["services"]
    store, job = services.logs.store, find_job(services)
    now = 1_790_000_000_000
    store.insert([make_event(1, received_at=now - 15 * DAY_MS), make_event(2, received_at=now)])
    assert job.run(JobContext(services.database, now))
    assert not job.run(JobContext(services.database, now))
    assert [event.event_id for event in search_events(store, EventQuery()).events] == ["e2"]


def test_where_logs_are_off_there_is_nothing_to_do(installation: Flask):
    services: Services = installation.extensions["services"]
    services.settings = services.settings.model_copy(update={"log_store": False})
    assert not find_job(services).run(JobContext(services.database, 0))
    assert "logs" not in services.__dict__ or not (services.settings.brainbox_data / "logs.db").exists()
