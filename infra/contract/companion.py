"""Processes that end when this one does, however it ends."""

from typing import Final

WHILE_WE_LIVE: Final = (
    "/bin/sh",
    "-c",
    'exec 3<&0; (read -r _ <&3; kill -TERM 0) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null',
    "sh",
)
"""Runs a command, and ends its process group when our end of its stdin is closed, by us or by our
death. Start it with a pipe as its stdin, and in a session of its own."""
