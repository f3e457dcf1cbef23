from app.admin.workbench.script_reference import REFERENCE
from app.brains.capabilities import CALLS
from app.brains.confined import context, memory_view
from app.brains.confined.guards import ATTRIBUTES


def test_the_reference_names_what_a_script_has_and_leaves_nothing_out():
    shown = {entry.path for section in REFERENCE for entry in section.entries}
    assert {path.split(".")[0] for path in shown} == ATTRIBUTES[context.Context] | {
        path.split(".")[0] for path in CALLS
    }
    assert set(CALLS) <= shown
    methods = {name.partition(".")[2] for name in shown if name.startswith("memory.")}
    assert methods == ATTRIBUTES[memory_view.Memory]
    assert {"http.get", "http.post", "ai"} <= shown
    for section in REFERENCE:
        for entry in section.entries:
            assert f"ctx.{entry.path}" in entry.example
