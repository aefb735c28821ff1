"""Routes whose body is bytes and no JSON: parts of a file, or a small one whole, with their digest (RFC 9530)."""

import base64
import binascii
import re
from typing import Annotated, Any, Final

from fastapi import Header, HTTPException, Request

from api.door.arguments import ABSENT
from api.door.problems import documented, merged
from api.door.route import UNSUPPORTED, StrictRequest, StrictRoute
from registry.errors import DigestMissing

OCTETS: Final = "application/octet-stream"
LINES: Final = "application/jsonl"
NDJSON: Final = "application/x-ndjson"
"""Another name that clients send JSON lines under; neither is registered."""
_SHA256: Final = re.compile(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):[ \t]*(?:$|,)")
ContentDigest = Annotated[
    str,
    Header(
        description="The SHA-256 of this body, as RFC 9530 writes it.",
        examples=["sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"],
        max_length=1000,
    ),
]


class ContentRoute(StrictRoute):
    """A route that takes bytes: its function reads them by `content_of`."""

    kinds: tuple[str, ...] = (OCTETS,)

    def __init__(self, *args: Any, **said: Any) -> None:
        """Describe the body, which FastAPI knows nothing of."""
        super().__init__(*args, **said)
        if self.methods and self.methods & {"PUT", "POST"}:
            shape = {"schema": {"type": "string", "format": "binary"}}
            body = {"requestBody": {"required": True, "content": dict.fromkeys(self.kinds, shape)}}
            self.openapi_extra = {**(self.openapi_extra or {}), **body}
            self.responses = merged(self.responses, documented("unsupported-media-type", "too-large"))

    async def _body(self, request: StrictRequest) -> Any:
        sent = request.headers.get("content-type", "")
        if sent not in self.kinds or request.headers.get("content-encoding", "identity") != "identity":
            raise HTTPException(UNSUPPORTED, f"Send the bytes as they are, as Content-Type: {self.kinds[0]}.")
        request.state.content = await request.body()
        return ABSENT


class LinesRoute(ContentRoute):
    """A route that takes JSON lines, as bytes."""

    kinds = (LINES, NDJSON)


def content_of(request: Request) -> bytes:
    """Give the bytes that a request brought."""
    content: bytes = request.state.content
    return content


def digest_in(header: str) -> bytes:
    """Read the SHA-256 out of a Content-Digest, 32 bytes. Raises `DigestMissing`."""
    found = _SHA256.findall(header)
    if len(found) != 1:
        raise DigestMissing("Send Content-Digest: sha-256=:BASE64:, the SHA-256 of this body (RFC 9530).")
    try:
        return base64.b64decode(found[0], validate=True)
    except binascii.Error:
        raise DigestMissing("The SHA-256 in Content-Digest is no base64.") from None
