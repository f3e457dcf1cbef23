"""People in a real database, of both kinds."""

from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher

from app.accounts.roles import Role
from app.accounts.users import Passwords, add_user
from app.db.writer import Database

PASSWORD = "a long enough password"


@pytest.fixture(scope="session")
def hashing() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def add_person(database: Database, hashing: Passwords) -> Callable[..., int]:
    """Store a person and return their id."""

    def add(name: str, role: Role = Role.OWNER) -> int:
        def write(session: Any) -> int:
            hashed = hashing.hash(PASSWORD)
            email = f"{name}@example.com"
            return add_user(
                session, email=email, password_hash=hashed, now=1, role=role, name="", timezone="UTC"
            ).id

        return database.write(write)

    return add
