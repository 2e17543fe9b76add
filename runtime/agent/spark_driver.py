"""What Spark starts as the driver of a run: runs the script, and sends what it writes to the agent.

``python aml_driver.py SETTINGS.json``. Imports nothing of ours: it is sent alone. Spark tells a
driver by variables where its JVM listens; the script inherits them. In YARN's cluster mode this is
another machine than the agent's, and the script's files are sent too.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import typing
from pathlib import Path

_BLOCK_BYTES = 1 << 16
_LEFTOVER_S = 0.3
_CONNECT_S = 60.0
_SIGNALED = 128
SENT = ("work/outputs", "work/logs", "named_outputs")
"""The folders of a run whose files are sent from another machine, when the script has ended."""


class Driver:
    """The driver of one run. ``sink`` leads to the agent.

    ``settings``: ``script`` and ``arguments``, ``variables``; in cluster mode ``folder``, where
    Spark has unpacked the run's files, and ``root``, the run's folder at the agent's machine.
    """

    def __init__(self, settings: dict[str, typing.Any], sink: typing.IO[bytes]) -> None:
        self._settings = settings
        self._sink = sink
        self._elsewhere = bool(settings.get("folder"))

    def run(self) -> int:
        """Run the script and return its exit code, as shells report it."""
        self._send({"token": self._settings["token"]})
        folder, variables = Path.cwd(), {**os.environ, **self._settings["variables"]}
        if self._elsewhere:
            root = _unpacked(Path(self._settings["folder"]), Path("run").absolute())
            folder = root / "work"
            variables = located(variables, self._settings["root"], str(root))
            if (root / "site").is_dir():
                path = [str(root / "site" / "azureml_site"), variables.get("PYTHONPATH", "")]
                variables["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        child = subprocess.Popen(
            [sys.executable, self._settings["script"], *self._settings["arguments"]],
            cwd=str(folder),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda which, _: child.send_signal(which))
        self._copy(child)
        code = child.wait()
        if self._elsewhere:
            self._send_files(folder.parent)
        self._send({"exit": code})
        return code if code >= 0 else _SIGNALED - code

    def _copy(self, child: subprocess.Popen[bytes]) -> None:
        """Copy the script's output until its end; a process in the background does not hold it."""
        output = typing.cast("typing.IO[bytes]", child.stdout)
        gone_at: float | None = None
        while gone_at is None or time.monotonic() < gone_at + _LEFTOVER_S:
            ready, _, _ = select.select([output], [], [], _LEFTOVER_S / 2)
            if ready:
                data = os.read(output.fileno(), _BLOCK_BYTES)
                if not data:
                    return
                self._send({"output": True}, data)
                if self._elsewhere:
                    os.write(1, data)
            if gone_at is None and child.poll() is not None:
                gone_at = time.monotonic()

    def _send_files(self, root: Path) -> None:
        for top in SENT:
            for file in sorted((root / top).rglob("*")):
                if file.is_file() and not file.is_symlink():
                    name = file.relative_to(root).as_posix()
                    with file.open("rb") as source:
                        self._send({"file": name})
                        while block := source.read(_BLOCK_BYTES):
                            self._send({"file": name}, block)

    def _send(self, header: dict[str, typing.Any], content: bytes = b"") -> None:
        text = json.dumps({**header, "size": len(content)})
        self._sink.write(text.encode() + b"\n" + content)
        self._sink.flush()


def located(variables: typing.Mapping[str, str], there: str, here: str) -> dict[str, str]:
    """Return variables whose paths below the run's folder ``there`` are below ``here``."""
    return {name: value.replace(there, here) for name, value in variables.items()}


def _unpacked(source: Path, root: Path) -> Path:
    """Return a copy of a folder that may be written: Spark's own is a shared cache."""
    shutil.copytree(str(source), str(root), symlinks=True)
    for above, folders, files in os.walk(str(root)):
        for path in (Path(above, name) for name in (*folders, *files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IRUSR | stat.S_IWUSR)
    for name in SENT[:2]:
        (root / name).mkdir(parents=True, exist_ok=True)
    return root


def main(file: str) -> int:
    """Run a driver with its settings; return its exit code."""
    settings = json.loads(Path(file).read_text("utf-8"))
    address = (settings["host"], settings["port"])
    with socket.create_connection(address, _CONNECT_S) as connection:
        connection.settimeout(None)
        with connection.makefile("wb") as sink:
            return Driver(settings, sink).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
