"""HTTP/1.1 as uvicorn speaks it, except that the case of header names is kept.

ASGI has header names in lower case, but the blob service returns metadata as it was named.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEADER_NAMES: Final = "aml.header_names"
"""The key in an ASGI scope's ``extensions``: header names as sent, by lower-case name."""

_MAX_HEAD: Final = 64 * 1024


class _Connection(h11.Connection):
    """A connection that remembers how the last request spelled its header names."""

    names: Mapping[str, str] = {}

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            sent = (name.decode("ascii") for name, _ in event.headers.raw_items())
            self.names = {name.lower(): name for name in sent}
        return event


class SpellingProtocol(H11Protocol):
    """uvicorn's protocol; requests have ``HEADER_NAMES`` in their scope's extensions."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Connection(h11.SERVER, config.h11_max_incomplete_event_size or _MAX_HEAD)
        self._spelling = self.conn

    def handle_events(self) -> None:
        super().handle_events()
        # The application starts only after this method: its scope can still be completed.
        if self.scope is not None:
            names: dict[object, object] = dict(self._spelling.names.items())
            self.scope["extensions"] = {HEADER_NAMES: names}
