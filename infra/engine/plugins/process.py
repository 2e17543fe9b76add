"""The process of one plugin: started, spoken to over gRPC, and ended."""

import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc

from infra.contract.companion import WHILE_WE_LIVE
from infra.contract.errors import PluginError

_START_S: Final = 60.0
_END_S: Final = 5.0
_LAST_WORDS_S: Final = 1.0
_LAST_LINES: Final = 20
_LARGEST_MESSAGE: Final = 400 << 20
_KEPT_FROM_PLUGINS: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN")
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
]


class PluginProcess:
    """A running plugin. It ends with ``close``, or when this process does."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        engine: str,
        folder: Path,
        variables: Mapping[str, str],
    ) -> None:
        """Start it; ``engine`` is the address of the engine's own service, for its log."""
        self.name = name
        self._command = command
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        passed = {k: v for k, v in os.environ.items() if not k.startswith(_KEPT_FROM_PLUGINS)}
        self._process = subprocess.Popen(
            [*WHILE_WE_LIVE, *command, engine],
            cwd=folder,
            env={**passed, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: we tell it what to do
        )
        self._readers = [threading.Thread(target=self._read_errors, daemon=True)]
        self._readers[0].start()
        try:
            port = self._port()
        except BaseException:
            self._end()
            raise
        self._readers.append(threading.Thread(target=self._drain, daemon=True))
        self._readers[1].start()
        self.channel: Any = grpc.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def crash(self) -> PluginError:
        """Return the error for a plugin that is gone, with the end of what it printed."""
        code = self._code()
        ended = "does not answer" if code is None else f"ended with code {code}"
        return PluginError(
            f"The plugin of {self.name!r} {ended}.{self._printed()}",
            remedy="Run it again: operations that began and were not recorded are looked up.",
        )

    def failed_start(self) -> PluginError:
        """Return the error for one that was never ready, with the end of what it printed."""
        code = self._code()
        why = f"it ended with code {code}" if code is not None else "it named no port, or is silent"
        return PluginError(
            f"The plugin of {self.name!r} did not start: {why}.{self._printed()}",
            remedy=f"Correct it; the command is: {shlex.join(self._command)}",
        )

    def _code(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        return self._process.returncode

    def _printed(self) -> str:
        """Return the end of what it printed: all of it, where it has ended."""
        if self._process.returncode is not None:
            for reader in self._readers:  # a child of its own may still hold the pipe open
                reader.join(_LAST_WORDS_S)
        said = "\n".join(self._lines)
        return f" It printed:\n{said}" if said else ""

    def ask_to_end(self) -> None:
        """Send the signal with which plugins end; ``close`` waits for it."""
        self.channel.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)

    def close(self) -> None:
        """Wait until it has ended; kill it if that takes more than five seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._end()

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _port(self) -> int:
        """Return the port, which is the first line that a plugin prints."""
        output = self._process.stdout
        if output is None:
            raise self.failed_start()
        line, deadline = b"", time.monotonic() + _START_S
        with selectors.DefaultSelector() as ready:
            ready.register(output, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    break
                byte = os.read(output.fileno(), 1)
                if not byte:
                    break
                line += byte
        if not line.strip().isdigit():
            raise self.failed_start()
        return int(line)

    def _read_errors(self) -> None:
        for line in self._process.stderr or ():
            self._lines.append(line.decode(errors="replace").rstrip())

    def _drain(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line.decode(errors="replace").rstrip())
