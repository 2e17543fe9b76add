"""Runs the agent where only files are shared with its carrier: in a service's workspace or volume.

The carrier writes ``start.json`` and the pieces of an archive; this process unpacks the run on the
machine that it is on, supervises the agent, and writes what happens as numbered files, each whole
when it gets its name, because shared storage cannot append. A file ``cancel`` asks the run to stop.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.agent import detached
from runtime.agent.documents import JsonObject
from runtime.agent.files import files_below
from runtime.agent.in_driver import Driver

ASKED = "start.json"
CANCEL = "cancel"
PAYLOAD = "payload"
FRAMES = "frames"
RESULTS = "results"
PROBLEMS = "problems.json"
ROOT_MARK = "@AML_ROOT@"
"""Stands for the run's folder, which this process chooses."""
PYTHON_MARK = "@AML_PYTHON@"
"""Stands for the Python of this process, which is the script's."""
USER_LOG = "work/user_logs/std_log.txt"
_FOREIGN = ("MLFLOW_", "AZUREML_", "AML_")
_MOST_BYTES = 1 << 20
_PART_BYTES = 8 << 20
_SOON_S = 0.3
_LATER_S = 2.0
_SOON_FOR_S = 60.0
_LOOK_EVERY_S = 0.5
AGENT = "aml_agent.pyz"


def main(arguments: Sequence[str]) -> int:
    """Run what ``HOME SHARED`` describe: the folder of the agent, and that of the run's files."""
    home, shared = Path(arguments[0]), Path(arguments[1])
    root = Path(tempfile.mkdtemp(prefix="aml-run-"))
    try:
        return Exchange(home, shared, root).run()
    finally:
        shutil.rmtree(str(root), ignore_errors=True)


class Exchange:
    """One run. ``root`` is its folder on this machine."""

    def __init__(self, home: Path, shared: Path, root: Path) -> None:
        self._home = home
        self._root = root
        self._shared = shared
        self._frames = _Frames(shared / FRAMES)
        self._looked = 0.0
        self._ended_by_service = False
        # A script in this process has another one while it runs.
        self._page = sys.stdout

    def run(self) -> int:
        """Run the agent to its end and return its exit code."""
        asked = self._prepared()
        driver = Driver(self._root) if asked.get("in_driver") else None
        with self._agent() as process:
            while not detached.started(self._root) and process.poll() is None:
                time.sleep(_LOOK_EVERY_S / 10)
            if driver is None:
                return self._followed(asked)
            codes: list[int] = []
            follower = threading.Thread(target=lambda: codes.append(self._followed(asked)))
            follower.start()
            driver.serve(lambda: process.poll() is not None)
            follower.join()
            return codes[0]

    def _prepared(self) -> JsonObject:
        """Unpack the run; return what was asked. Its file is removed: it may hold secrets."""
        file = self._home / ASKED
        asked: JsonObject = json.loads(file.read_text("utf-8"))
        file.unlink()
        unpacked(parts(self._shared / PAYLOAD), self._root)
        shutil.copyfile(str(self._home / AGENT), str(self._root / AGENT))
        starter = self._root / "bin" / "python"
        starter.parent.mkdir(exist_ok=True)
        starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
        starter.chmod(0o755)
        with open(str(self._root / ASKED), "w", opener=_private) as sink:
            json.dump(self._filled(asked), sink)
        return asked

    def _filled(self, asked: JsonObject) -> JsonObject:
        """Return what the agent is asked, with the paths of this machine."""
        marks = {ROOT_MARK: str(self._root), PYTHON_MARK: sys.executable}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        given = {key: _marked(value, marks) for key, value in asked["variables"].items()}
        variables = {**inherited, **given}
        if asked.get("shell"):
            path = variables.get("PATH", os.defpath)
            beside = (str(self._root / "bin"), str(Path(sys.executable).parent), path)
            variables["PATH"] = os.pathsep.join(beside)
        return {
            "arguments": [_marked(each, marks) for each in asked["arguments"]],
            "variables": variables,
        }

    @contextmanager
    def _agent(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start the agent; however this process ends, end it first."""
        with (self._root / "process.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(self._root / AGENT), "hold", str(self._root)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._terminate)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()

    def _followed(self, asked: JsonObject) -> int:
        """Write what happens until the agent has ended; return its exit code."""
        code = 1
        for header, content in detached.follow(self._root, {}):
            if "exit" in header:
                packed_parts(self._root, asked["results"], self._shared / RESULTS)
                code = 1 if header["exit"] is None else int(header["exit"])
            if header.get("name") == USER_LOG:
                # The service's own page of the run shows what its process writes.
                self._page.write(content.decode("utf-8", "replace"))
                self._page.flush()
            told = "exit" in header or header.get("name") == detached.EVENTS
            if not (told and self._ended_by_service):
                self._frames.add(header, content)
            self._look()
        self._frames.flush()
        return code

    def _terminate(self, *_: object) -> None:
        """End the script because the service ends this process: it knows why, the agent does not.

        From here on the agent's events are kept back, or it would report a cancel.
        """
        self._ended_by_service = True
        detached.cancel(self._root)

    def _look(self) -> None:
        if time.monotonic() - self._looked > _LOOK_EVERY_S:
            self._looked = time.monotonic()
            if (self._home / CANCEL).exists():
                detached.cancel(self._root)


class _Frames:
    """Writes frames, several to a file: soon at first, then every few seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._began = self._last = time.monotonic()
        self._waiting = io.BytesIO()
        self._at: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, header: JsonObject, content: bytes) -> None:
        """Add a frame; ``at`` is where its content begins in its file."""
        if header:
            if content:
                name = header["name"]
                header = {**header, "at": self._at.get(name, 0)}
                self._at[name] = header["at"] + len(content)
            self._waiting.write(json.dumps(header).encode() + b"\n" + content)
        now = time.monotonic()
        pause_s = _SOON_S if now - self._began < _SOON_FOR_S else _LATER_S
        size = self._waiting.tell()
        if size > _MOST_BYTES or now - self._last > pause_s:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting.tell():
            self._number += 1
            write_whole(self._folder / f"{self._number:08d}", self._waiting.getvalue())
            self._waiting = io.BytesIO()
        self._last = time.monotonic()


def read_frames(content: bytes) -> Iterator[detached.Frame]:
    """Yield the frames of one file."""
    source = io.BytesIO(content)
    while True:
        frame = detached.read_frame(source.readline, source.read)
        if frame is None:
            return
        yield frame


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that is whole as soon as it has its name, where that can be had."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content)
    partial.replace(file)


def parts(folder: Path) -> Iterator[bytes]:
    """Yield the parts of an archive in order."""
    for file in sorted(folder.iterdir()):
        yield file.read_bytes()


def unpacked(pieces: Iterable[bytes], root: Path) -> None:
    """Unpack an archive that the carrier made."""
    with tempfile.TemporaryFile(dir=str(root)) as whole:
        for piece in pieces:
            whole.write(piece)
        whole.seek(0)
        with tarfile.open(fileobj=whole, mode="r:") as archive:
            for entry in archive:
                file, content = root / entry.name, archive.extractfile(entry)
                (file.parent if content else file).mkdir(parents=True, exist_ok=True)
                if content:
                    with file.open("wb") as sink:
                        shutil.copyfileobj(content, sink)
                    file.chmod(entry.mode)


def packed_parts(root: Path, tops: Iterable[str], folder: Path) -> None:
    """Write an archive of the files below some folders in parts, and why others are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    problems: list[list[str]] = []
    with tempfile.TemporaryFile(dir=str(root)) as whole:
        with tarfile.open(fileobj=whole, mode="w") as archive:
            for top in tops:
                for below, problem in files_below(root / top):
                    if not problem:
                        with suppress(FileNotFoundError):
                            archive.add(str((root / top / below).resolve()), f"{top}/{below}")
                    else:
                        problems.append([f"{top}/{below}", problem])
        whole.seek(0)
        for number, content in enumerate(iter(lambda: whole.read(_PART_BYTES), b"")):
            write_whole(folder / f"{number:08d}", content)
    write_whole(folder / PROBLEMS, json.dumps(problems).encode())


def _marked(text: str, marks: JsonObject) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
