"""The real app on a temporary database, and people of each role in front of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from admin_browser import PASSWORD, Browser
from argon2 import PasswordHasher
from flask import Flask

from app import create_app
from app.accounts import Passwords, Role, create_user
from app.bot.connections import Wish
from app.bot.models import Connection
from app.bot.wiring import Bot
from app.brains import versions
from app.brains.gallery import demo_document
from app.db import Base
from app.settings import Settings
from app.web import House


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.extensions["passwords"] = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    house: House = made.extensions["house"]
    Base.metadata.create_all(house.database.engine)
    yield made
    bot: Bot = made.extensions["bot"]
    bot.close()
    house.database.writer.close()
    house.database.engine.dispose()
    # Flask-SQLAlchemy keeps an engine of its own on the same file.
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def house(app: Flask) -> House:
    return app.extensions["house"]


@pytest.fixture
def sign_in(app: Flask, house: House) -> Callable[[Role], Browser]:
    """Make a person of a role and sign in as them."""

    def enter(role: Role) -> Browser:
        hashing: Passwords = app.extensions["passwords"]
        email = f"{role}@example.com"
        house.database.write(
            lambda s: create_user(s, hashing, email=email, password=PASSWORD, now=house.clock(), role=role)
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
def brain(house: House) -> Any:
    """Make the demo brain, published."""

    def make(session: Any) -> Any:
        made = versions.create_brain(session, "demo", "Demo", demo_document(), house.clock())
        versions.publish(session, made.id, "", None, house.clock(), lambda _document: [])
        return made

    return house.database.write(make)


@pytest.fixture
def phone(app: Flask, house: House, brain: Any) -> Connection:
    """Make a simulated phone that the demo brain answers."""
    connections = app.extensions["bot"].connections
    wish = Wish("Test phone", "simulator", "sim-test", {}, brain_id=brain.id)
    return house.database.write(lambda session: connections.create(session, wish, house.clock()))
