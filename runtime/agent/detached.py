"""Runs the agent apart from whoever started it, and tells from its folder what happens.

For machines and containers that a run's carrier reaches now and then. The folder of a run holds
``pid`` (its process and that process's start time), ``agent-events.jsonl``, ``work/``,
``artifacts/`` and, once it has ended, ``exit`` (the agent's exit code).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.files import replacing
from runtime.agent.process_tree import kill_left, process_of, started_at
from runtime.agent.questions import questions

EVENTS = "agent-events.jsonl"
ASKED = "start.json"
FOLLOWED = ("work/user_logs", "work/logs", "work/azureml-logs")
_LOOK_EVERY_S = 0.05
_LOOK_FOR_FILES_EVERY_S = 0.5
_BEAT_S = 0.4
_MOST_BYTES = 1 << 20
_LAST_LINES = 10
_CRASHED = 70
_STANDARD = 3
_FIRST = b"1"

Agent: typing.TypeAlias = "Callable[[Sequence[str]], int]"
"""The agent's main function: arguments to exit code."""

Frame: typing.TypeAlias = "tuple[JsonObject, bytes]"
"""A header, and as many bytes as its ``size`` says.

``{"name": …, "size": …}`` is new content of a file; ``{"ask": …, "size": …}`` a question that
the run has (``relay``); ``{"exit": code or null, "reason": …}`` is the
end; ``{}`` says that nothing happened.
"""


def start(
    folder: Path, arguments: Sequence[str], variables: Mapping[str, str], agent: Agent
) -> bool:
    """Run the agent in ``folder/work`` in a session of its own; ``False`` if it was started before.

    It gets ``variables`` alone, which are in no file and no command line.
    """
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _become(folder, arguments, variables, agent, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        return told.read(1) == _FIRST


def hold(folder: Path, agent: Agent) -> int:
    """Run the agent in this process, once; for a container, which ends with it.

    The file ``start.json`` (``arguments``, ``variables``) is removed first: it may hold secrets.
    """
    file = folder / ASKED
    asked = json.loads(file.read_text("utf-8"))
    file.unlink()
    if not _first(folder):
        return _CRASHED
    os.chdir(str(folder / "work"))
    os.environ.clear()
    os.environ.update(asked["variables"])
    code = agent(asked["arguments"])
    with replacing(folder / "exit") as sink:
        sink.write(str(code).encode())
    return code


def cancel(folder: Path) -> None:
    """Ask the agent to stop; it ends its script. Nothing happens if it has ended."""
    pid = running(folder)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def started(folder: Path) -> bool:
    """Return whether the run was started in this folder."""
    return (folder / "pid").exists()


def clear(folder: Path, owner: str) -> None:
    """Kill what is left of a run."""
    pid = running(folder)
    seen = {pid: started_at(pid)} if pid is not None else {}
    kill_left(owner, seen=seen, marked=True)


def follow(
    folder: Path, have: Mapping[str, int], *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Frame]:
    """Yield what the run writes beyond the bytes that the reader has, until it has ended."""
    at = dict(have)
    files: list[Path] = []
    asked: set[str] = set()
    looked, beat = 0.0, time.monotonic()
    while True:
        # Before reading: what a process wrote before its end is read below.
        end = _end(folder)
        now = time.monotonic()
        if end is not None or now - looked > _LOOK_FOR_FILES_EVERY_S:
            files, looked = list(_files(folder)), now
        for file in files:
            for frame in _new(folder, file, at):
                yield frame
                beat = now
        for name, content in questions(folder):
            if name not in asked:
                asked.add(name)
                yield {"ask": name, "size": len(content)}, content
        if end is not None:
            yield end, b""
            return
        if now - beat > _BEAT_S:
            yield {}, b""
            beat = now
        sleep(_LOOK_EVERY_S)


def write_frames(frames: Iterator[Frame], sink: typing.IO[bytes]) -> None:
    """Write frames until the last one, or until nobody reads any more."""
    with suppress(BrokenPipeError):
        for header, content in frames:
            sink.write(json.dumps(header).encode() + b"\n" + content)
            sink.flush()


def read_frame(read_line: Callable[[], bytes], read: Callable[[int], bytes]) -> Frame | None:
    """Read one frame; ``None`` at the end of the stream. Raises ``EOFError`` inside of one."""
    line = read_line()
    if not line.endswith(b"\n"):
        return None
    header: JsonObject = json.loads(line)
    content = b""
    while len(content) < header.get("size", 0):
        more = read(header["size"] - len(content))
        if not more:
            raise EOFError
        content += more
    return header, content


def _files(folder: Path) -> Iterator[Path]:
    yield folder / EVENTS
    for top in FOLLOWED:
        yield from sorted(
            f for f in (folder / top).rglob("*") if f.is_file() and not f.is_symlink()
        )


def _new(folder: Path, file: Path, at: dict[str, int]) -> Iterator[Frame]:
    name = file.relative_to(folder).as_posix()
    try:
        if file.stat().st_size <= at.get(name, 0):
            return
        with file.open("rb") as source:
            source.seek(at.get(name, 0))
            while True:
                content = source.read(_MOST_BYTES)
                if not content:
                    return
                at[name] = at.get(name, 0) + len(content)
                yield {"name": name, "size": len(content)}, content
    except FileNotFoundError:
        return


def _end(folder: Path) -> JsonObject | None:
    code = _exit_code(folder)
    if code is None and running(folder) is None:
        code = _exit_code(folder)  # it may have ended between the two
        if code is None:
            log = folder / "process.log"
            words = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
            last = "".join(f"\n{line}" for line in words[-_LAST_LINES:])
            return {"exit": None, "reason": f"The run's processes are gone.{last}"}
    return None if code is None else {"exit": code, "reason": ""}


def _exit_code(folder: Path) -> int | None:
    try:
        return int((folder / "exit").read_text("utf-8"))
    except FileNotFoundError:
        return None


def running(folder: Path) -> int | None:
    """Return the id of the agent's process while it lives."""
    try:
        pid, _, born = (folder / "pid").read_text("utf-8").strip().partition(" ")
    except FileNotFoundError:
        return None
    found = process_of(int(pid))
    return int(pid) if found and found.started == born and not found.ended else None


def _become(
    folder: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
    agent: Agent,
    told: int,
) -> None:
    """Become the agent, unless another process is; tell which. Never returns."""
    code = _CRASHED
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(str(folder / "process.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for source, standard in ((null, 0), (null, 1), (log, 2)):
            os.dup2(source, standard)
        # Whoever started this process may hold locks and connections, which are not the run's.
        os.closerange(_STANDARD, told)
        os.closerange(told + 1, os.sysconf("SC_OPEN_MAX"))
        if not _first(folder):
            os._exit(0)
        os.write(told, _FIRST)
        os.close(told)
        os.chdir(str(folder / "work"))
        os.environ.clear()
        os.environ.update(variables)
        code = agent(arguments)
        with replacing(folder / "exit") as sink:
            sink.write(str(code).encode())
    except BaseException:  # noqa: BLE001 - the process's last net; it must not return
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _first(folder: Path) -> bool:
    """Say in ``pid`` that this process is the agent; ``False`` if there is one already."""
    mine = folder / f"pid.{os.getpid()}"
    mine.write_text(f"{os.getpid()} {started_at(os.getpid())}\n", "utf-8")
    try:
        os.link(str(mine), str(folder / "pid"))
    except FileExistsError:
        return False
    finally:
        mine.unlink()
    return True
