"""A client that behaves as a person's browser does."""

import re
from typing import Any

from flask.testing import FlaskClient

PASSWORD = "a long enough password"


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
            self.get(answer.location)
        return answer

    def _learn(self, answer: Any) -> None:
        found = re.search(r'X-CSRFToken": "([^"]+)"', answer.text)
        if found:
            self.token = found.group(1)
