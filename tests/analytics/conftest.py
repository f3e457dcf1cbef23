"""The pipeline fixture of tests.bot, for the numbers it counts."""

from tests.bot.conftest import pipeline  # noqa: F401
