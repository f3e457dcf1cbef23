import pytest

from app.admin import dashboard
from app.bot.models import Connection
from app.brains.sandbox import IsolationLevel
from app.services import Services
from tests.admin.browser import Browser


def test_the_dashboard_shows_the_level_of_script_isolation(owner: Browser):
    board = owner.get("/dashboard").text
    assert "Script isolation" in board
    assert any(f"</svg>{word}</span>" in board for word in ("Full", "Hardened", "Basic", "None"))


class _FixedLevelSandbox:
    """A sandbox of a known level: kernels that lack a wall are not at hand."""

    mode = "strict"

    def __init__(self, name: str) -> None:
        self._name = name

    def get_level(self) -> IsolationLevel:
        return IsolationLevel(
            self._name,
            namespaces=False,
            landlock=0,
            seccomp=self._name != "none",
            notes=("no user namespaces",),
        )


@pytest.mark.parametrize(
    ("name", "tone"), [("full", "good"), ("hardened", "good"), ("basic", "warn"), ("none", "bad")]
)
def test_a_missing_isolation_layer_is_named_with_its_remedy(name: str, tone: str):
    told = dashboard.describe_sandbox(_FixedLevelSandbox(name))  # pyright: ignore[reportArgumentType]
    assert told.tone == tone
    assert told.missing == ("no user namespaces",)
    assert bool(told.remedy) == (name != "full")
    assert told.mode == "Strict: a new process for every run."


def test_the_steps_on_the_way_to_whatsapp_are_listed_until_all_are_done(
    owner: Browser, simulated_connection: Connection, services: Services
):
    page = owner.get("/dashboard").text
    assert "On the way to WhatsApp: 2 of 5 done" in page
    assert '<a href="/connections/">Connect a WhatsApp number</a>' in page
    services.database.write(
        lambda session: setattr(session.get_one(Connection, simulated_connection.id), "channel", "cloud")
    )
    assert "On the way to WhatsApp: 4 of 5 done" in owner.get("/dashboard").text
