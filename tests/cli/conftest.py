"""What tests of the command line share."""

from typing import Any

import pytest
from flask import Flask


@pytest.fixture
def run(installation: Flask) -> Any:
    """Run `flask brain` with these words."""
    runner = installation.test_cli_runner()
    return lambda *words: runner.invoke(args=["brain", *words])
