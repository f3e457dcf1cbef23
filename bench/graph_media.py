"""Media of the fake Graph API: upload, resolve, download with the token, delete (specs: whatsapp A10)."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from bench.graph_answers import done, missing_object, refusal
from bench.wire import Answer, Message

# A resolved address is good for five minutes.
URL_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Medium:
    """One stored file."""

    mime_type: str
    content: bytes


def form_parts(content_type: str, body: bytes) -> dict[str, tuple[dict[str, str], bytes]]:
    """Split a multipart form: name -> (the part's own headers, content)."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not found:
        return {}
    parts: dict[str, tuple[dict[str, str], bytes]] = {}
    for chunk in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:]:
        head, _, content = chunk.partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("utf-8", "replace").strip().split("\r\n"))
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        name = re.search(r'\bname="?([^";]+)"?', headers.get("content-disposition", ""))
        if name:
            parts[name[1]] = (headers, content)
    return parts


@dataclass(slots=True)
class MediaStore:
    """The files of one fake Graph; `clock` tells unix seconds."""

    clock: Callable[[], float]
    _added: int = 0
    _media: dict[str, Medium] = field(default_factory=dict)

    def __contains__(self, media_id: str) -> bool:
        return media_id in self._media

    def add(self, medium: Medium) -> str:
        """Keep a file, as an upload or an inbound message would, and return its id."""
        self._added += 1
        media_id = str(900_000_000_000_000 + self._added)
        self._media[media_id] = medium
        return media_id

    def upload(self, message: Message) -> Answer:
        """Answer POST /{version}/{phone_number_id}/media."""
        parts = form_parts(message.headers.get(b"content-type", b"").decode(), message.body)
        if parts.get("messaging_product", ({}, b""))[1] != b"whatsapp":
            return refusal(100, "The parameter messaging_product is required.")
        if "file" not in parts:
            return refusal(100, "The parameter file is required.")
        headers, content = parts["file"]
        kind = parts["type"][1].decode() if "type" in parts else headers.get("content-type", "")
        if not content:
            return refusal(131009, "The file is empty.")
        return Answer(200, json.dumps({"id": self.add(Medium(kind, content))}).encode())

    def resolve(self, media_id: str, base_url: str) -> Answer:
        """Answer GET /{version}/{media_id}: where the bytes are for the next five minutes."""
        medium = self._media.get(media_id)
        if medium is None:
            return missing_object(media_id)
        until = int(self.clock()) + URL_SECONDS
        body = {
            "messaging_product": "whatsapp",
            "url": f"{base_url}/_media/?mid={media_id}&ext={until}",
            "mime_type": medium.mime_type,
            "sha256": hashlib.sha256(medium.content).hexdigest(),
            "file_size": len(medium.content),
            "id": media_id,
        }
        return Answer(200, json.dumps(body).encode())

    def download(self, query: str) -> Answer:
        """Answer GET of a resolved address, 404 when it is unknown or has expired."""
        fields = parse_qs(query)
        medium = self._media.get(fields.get("mid", [""])[0])
        if medium is None or float(fields.get("ext", ["0"])[0]) < self.clock():
            return Answer(404, b"Not found", content_type="text/plain")
        return Answer(200, medium.content, content_type=medium.mime_type)

    def delete(self, media_id: str) -> Answer:
        """Answer DELETE /{version}/{media_id}."""
        return done() if self._media.pop(media_id, None) else missing_object(media_id)
