"""A client that behaves as a person's browser does."""

import re
from typing import Any

from flask.testing import FlaskClient

PASSWORD = "a long enough password"


ECHO = "/brains/demo/commands/echo"
# The form of the demo brain's command “echo” as a script.
SCRIPT: dict[str, Any] = {
    "name": "Echo", "enabled": "on", "trigger_kind": "command", "t_words": "echo", "action_kind": "script",
    "arg_name": "text", "arg_type": "rest", "arg_need": "required", "arg_default": "", "arg_minimum": "",
    "arg_maximum": "", "arg_choices": "", "arg_description": "", "chats": "any", "cooldown_seconds": "",
    "force": "yes",
}  # fmt: skip


class Browser:
    """A client that carries the page's CSRF token, as a person's browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path: str, *, htmx: bool = False) -> Any:
        answer = self.client.get(path, headers={"HX-Request": "true"} if htmx else {})
        self._learn(answer)
        return answer

    def post(self, path: str, *, htmx: bool = False, **form: Any) -> Any:
        if not self.token:
            self.get("/login")
        headers = {"HX-Request": "true", "X-CSRFToken": self.token} if htmx else {}
        data = form if htmx else {"csrf_token": self.token, **form}
        answer = self.client.post(path, data=data, headers=headers)
        if answer.status_code == 302 and path in {"/login", "/setup"}:
            self.token = ""
            # Any page has the new token; the dashboard would start a sandbox to tell of it.
            self.get("/settings/account/")
        return answer

    def _learn(self, answer: Any) -> None:
        found = re.search(r'X-CSRFToken": "([^"]+)"', answer.text)
        if found:
            self.token = found.group(1)


def save_script(browser: Browser, source: str, **more: str) -> str:
    """Save “echo” as a script, and return what the page says of it."""
    return browser.post(ECHO, htmx=True, **{**SCRIPT, "source": source, **more}).text
