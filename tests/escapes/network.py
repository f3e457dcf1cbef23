"""The world outside as attacks find it: one allowed host, a resolver and a transport that only take notes."""

from dataclasses import dataclass, field

from app.brains.ai.contract import AiAnswer, AiRequest
from app.brains.capabilities.ai import Ai
from app.brains.capabilities.contract import CallContext
from app.brains.capabilities.http import Http
from app.brains.capabilities.https import Request, Response
from app.brains.document.schema import Grants
from app.brains.runtime.capability_calls import CapabilityCalls
from tests.escapes.oracle import ALLOWED_HOST, is_foreign

_ADDRESS = "93.184.215.14"  # public, and never connected to
GRANTS = Grants.model_validate({"http": {"allow": [ALLOWED_HOST]}, "ai": {"monthly_tokens": 1_000_000}})


@dataclass
class Network:
    """Notes who was looked up, what was sent, and what was asked of the model."""

    looked_up: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def resolve(self, host: str, _seconds: float) -> list[str]:
        """Note a look-up; every name leads to the same public address, so that nothing is refused for it."""
        self.looked_up.append(host)
        return [_ADDRESS]

    def transport(self, request: Request) -> Response:
        """Note a request and answer it."""
        self.requests.append(request)
        return Response(200, {"content-type": "text/plain"}, b"fine")

    def complete(self, request: AiRequest) -> AiAnswer:
        """Note a question to the model and answer it."""
        self.prompts.append(" ".join(each["content"] for each in request.messages))
        return AiAnswer("fine")

    def calls(self) -> CapabilityCalls:
        """Return the calls of one run."""
        http, model = Http(self.resolve, self.transport), Ai(self)
        return CapabilityCalls({"http.get": http, "http.post": http, "ai": model}, CallContext(1, GRANTS))

    def said(self) -> list[str]:
        """Return all texts that went out."""
        sent = [f"{r.url} {dict(r.headers)} {(r.body or b'').decode('latin-1')}" for r in self.requests]
        return [*self.looked_up, *sent, *self.prompts]

    def strangers(self) -> list[str]:
        """Return whoever was reached besides the allowed host, by a judgement of our own."""
        named = [host for host in self.looked_up if host != ALLOWED_HOST]
        asked = [request.url for request in self.requests if _is_stranger(request)]
        return [*named, *asked]


def _is_stranger(request: Request) -> bool:
    own = {name.lower() for name in request.headers}
    wrong = request.host != ALLOWED_HOST or request.addresses != (_ADDRESS,) or "host" in own
    smuggled = not request.path.startswith("/") or request.method not in {"GET", "POST"}
    return wrong or smuggled or is_foreign(request.url, request.headers.items())
