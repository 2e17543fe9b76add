"""Processes that are started in a run's container beside its script."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from docker.errors import APIError

from infra.contract.errors import UnreachableError
from runtime.targets.base import Output
from runtime.targets.docker_engine import Client
from runtime.targets.docker_streams import EngineStream, FrameReader
from runtime.targets.places import Asked, Heartbeat, Piece, PlaceEnd, Sign

_BEAT_S: Final = 0.4
_SILENT_S: Final = 30.0


class ContainerProcess:
    """A process in a container, with its standard streams. See ``base.RemoteProcess``."""

    def __init__(
        self,
        client: Client,
        container: str,
        argv: Sequence[str],
        terminal: tuple[int, int] | None = None,
    ) -> None:
        self._api = client.api
        started = self._api.exec_create(container, list(argv), stdin=True, tty=terminal is not None)
        self._id = str(started["Id"])
        self._has_terminal = terminal is not None
        answer = self._api.exec_start(self._id, tty=self._has_terminal, socket=True)
        self._stream = EngineStream(answer, is_terminal=self._has_terminal)
        if terminal is not None:
            self.resize(*terminal)

    def read(self, timeout_s: float) -> Sequence[Output] | None:
        return self._stream.read(timeout_s)

    def write(self, content: bytes) -> None:
        self._stream.write(content)

    def end_input(self) -> None:
        self._stream.end_input()

    def resize(self, columns: int, lines: int) -> None:
        if self._has_terminal:
            try:
                self._api.exec_resize(self._id, height=lines, width=columns)
            except APIError:
                return  # it has ended

    def exit_code(self) -> int:
        return int(self._api.exec_inspect(self._id)["ExitCode"] or 0)

    def close(self) -> None:
        self._stream.close()

    def signs(self) -> Iterator[Sign]:
        """Yield what the agent's `follow` tells. There is no ``PlaceEnd`` if it is cut off.

        Where the container ends just now, the engine writes its reason in place of the process.
        """
        reader, silent_s = FrameReader(self._stream), 0.0
        while True:
            try:
                for sign in _complete(reader):
                    silent_s = 0.0
                    yield sign
                    if isinstance(sign, PlaceEnd):
                        return
            except ValueError:
                return
            if reader.ended:
                return
            if not reader.wait(_BEAT_S):
                silent_s += _BEAT_S
                yield Heartbeat()
            if silent_s > _SILENT_S:
                raise UnreachableError(
                    f"The container says nothing for {_SILENT_S:.0f} s.",
                    remedy="Check with `docker ps` that it is not paused.",
                )


def _complete(reader: FrameReader) -> Iterator[Sign]:
    """Take the frames that have come in full."""
    while line := reader.line():
        header = json.loads(line)
        size = int(header.get("size", 0))
        if reader.available < len(line) + size:
            return
        reader.take(len(line))
        content = reader.take(size)
        if "ask" in header:
            yield Asked(str(header["ask"]), content)
        elif content:
            yield Piece(str(header["name"]), content)
        elif "exit" in header:
            yield PlaceEnd(header["exit"], str(header["reason"]))
        else:
            yield Heartbeat()
