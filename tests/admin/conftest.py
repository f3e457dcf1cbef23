"""The real app on a temporary database, and people of each role in front of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app import create_app
from app.accounts.roles import Role
from app.accounts.users import Passwords, create_user
from app.bot.connections.store import ConnectionInput
from app.bot.models import Connection
from app.brains.document.gallery import build_demo_document
from app.brains.versions import store
from app.brains.versions.store import DraftReview
from app.services import Services
from app.settings import Settings
from app.web import limiter
from tests.admin.browser import PASSWORD, Browser
from tests.logs.audit.explained import dump_rows, replay_entries
from tests.tables import create_tables


def use_quick_passwords(services: Services) -> None:
    services.put(Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))


@contextmanager
def open_app(settings: Settings) -> Iterator[Flask]:
    """Make the application with its tables; hashes of passwords take no time."""
    made = create_app(settings)
    services: Services = made.extensions["services"]
    use_quick_passwords(services)
    create_tables(services.database.engine)
    yield made
    services.close()
    services.database.writer.close()
    services.database.engine.dispose()
    # Flask-SQLAlchemy keeps an engine of its own on the same file.
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    with open_app(settings) as made:
        yield made
        # Whatever a test did through pages: no row has changed without an entry, and each entry tells it right.
        database = made.extensions["services"].database
        assert replay_entries(database) == dump_rows(database)


@pytest.fixture
def open_installation(installation: Flask) -> Iterator[Flask]:
    """The installation of either database, without tokens in its forms and without limits of rates."""
    installation.config["WTF_CSRF_ENABLED"] = False
    limiter.enabled = False
    use_quick_passwords(installation.extensions["services"])
    yield installation
    limiter.enabled = True


@pytest.fixture
def services(app: Flask) -> Services:
    return app.extensions["services"]


@pytest.fixture
def sign_in(app: Flask, services: Services) -> Callable[[Role], Browser]:
    """Make a person of a role and sign in as them."""

    def enter(role: Role) -> Browser:
        hashing: Passwords = services.get(Passwords)
        email = f"{role}@example.com"
        services.database.write(
            lambda s: create_user(s, hashing, email=email, password=PASSWORD, now=services.clock(), role=role)
        )
        browser = Browser(app.test_client())
        answer = browser.post("/login", email=email, password=PASSWORD)
        assert answer.status_code == 302
        return browser

    return enter


@pytest.fixture
def owner(sign_in: Callable[[Role], Browser]) -> Browser:
    return sign_in(Role.OWNER)


@pytest.fixture
def demo_brain(services: Services) -> Any:
    """Make the demo brain, published."""

    def make(session: Any) -> Any:
        made = store.create_brain(session, "demo", "Demo", build_demo_document(), services.clock())
        store.publish(session, made.id, "", None, services.clock(), DraftReview())
        return made

    return services.database.write(make)


@pytest.fixture
def simulated_connection(app: Flask, services: Services, demo_brain: Any) -> Connection:
    """Make a simulated phone that the demo brain answers."""
    connections = app.extensions["services"].connections
    fields = ConnectionInput("Test phone", "simulator", "sim-test", {}, brain_id=demo_brain.id)
    return services.database.write(lambda session: connections.create(session, fields, services.clock()))
