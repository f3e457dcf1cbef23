"""The package behind the providers takes seconds to import: nobody waits for it who asks no model."""

import subprocess
import sys

from app.settings import ROOT


def test_the_product_starts_without_the_package():
    code = "import sys, app.services, app.admin; print([n for n in sys.modules if n in ('openai', 'httpx2')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
