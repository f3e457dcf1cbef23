import os
import subprocess
import sys

from app.brains.effects.model import Reply
from app.brains.text import to_canonical_json


def test_the_canonical_text_depends_on_no_hash_seed():
    script = (
        "from app.brains.effects.model import *; from app.brains.text import to_canonical_json; "
        "keys = {'a', 'b', 'c', 'd', 'e'}; "
        "print(to_canonical_json([Reply('é', (Button('a', 'b'),)), Remember('chat', 'k', dict.fromkeys(keys))]))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert to_canonical_json(Reply("x")) == '["Reply","x",[],false,null,"",""]'
