"""HTTP/1.1 as uvicorn speaks it; what is no HTTP is answered in the studio's words."""

from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_BODY: Final = b"This is not a request that the studio understands.\n"
_HEADERS: Final = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", str(len(_BODY)).encode()),
    (b"content-security-policy", b"default-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),
]


class StudioProtocol(H11Protocol):
    """uvicorn's protocol, whose only answer that no page or guard makes is this one."""

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; while an earlier request is being answered, hang up."""
        del msg  # uvicorn's own words
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            answer = h11.Response(status_code=400, headers=_HEADERS, reason=b"Bad Request")
            for event in (answer, h11.Data(data=_BODY), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
