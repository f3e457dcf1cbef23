"""The pipeline fixture of tests.bot, for what is erased of it."""

from tests.bot.conftest import pipeline  # noqa: F401
