"""Serves a carrier over one connection: requests on standard input, answers on standard output.

A request is a frame (``detached.read_frame``) that says what to ``do``. The last frame of an answer
has ``done``; ``{}`` before it says that the machine still works on it. ``error`` in place of
``done`` is a sentence, with ``full`` if the disk is.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import typing
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from runtime.agent import detached
from runtime.agent.contents import Bounded, ContentError, Contents, Tree
from runtime.agent.detached import Agent, Frame, read_frame
from runtime.agent.documents import JsonObject
from runtime.agent.environments import Environments
from runtime.agent.files import files_below, make_folder
from runtime.agent.gpus import gpus
from runtime.agent.ranks import PORT

_BEAT_S = 0.4
_BLOCK_BYTES = 1 << 20
Answers: typing.TypeAlias = "Generator[Frame, None, None]"
"""The frames of an answer."""
_TOOLS = ("micromamba", "mamba", "conda", "uv")
_TOOLS_AT = (
    "~/.local/bin", "~/.cargo/bin", "~/miniconda3/bin", "~/anaconda3/bin", "~/miniforge3/bin",
    "/opt/conda/bin", "/opt/miniconda/bin", "/anaconda/bin",
)  # fmt: skip
"""Where installers put them, which no PATH of a login without a terminal has."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PORTS = (20000, 32000)  # below those that systems give to clients
_TRIES = 50


class Server:
    """Answers one carrier. ``root`` is this product's folder on the machine."""

    def __init__(
        self, root: Path, agent: Agent, source: typing.IO[bytes], sink: typing.IO[bytes]
    ) -> None:
        self._root = root
        self._agent = agent
        self._source = source
        self._sink = sink
        self._contents = Contents(root)
        self._environments = Environments(root)
        self._laid_out: dict[str, str] = {}
        self._missing: dict[str, dict[str, int]] = {}
        self._answers: dict[str, Callable[[JsonObject, bytes], Answers]] = {
            "cancel": self._cancel,
            "fetch": self._fetch,
            "find": self._find,
            "follow": self._follow,
            "gpus": self._gpus,
            "keep": self._keep,
            "lay-out": self._lay_out,
            "ports": self._ports,
            "release": self._release,
            "run": self._run,
            "start": self._start,
            "started": self._started,
            "take": self._take,
            "unpack": self._unpack,
        }

    def serve(self) -> None:
        """Answer requests until the carrier is gone."""
        with suppress(BrokenPipeError, EOFError):
            make_folder(self._root / "runs")
            self._send({"done": _facts(self._root)})
            while True:
                frame = read_frame(self._source.readline, self._source.read)
                if frame is None:
                    return
                self._answer(*frame)

    def _answer(self, header: JsonObject, content: bytes) -> None:
        answered = False
        try:
            with closing(self._answers[header["do"]](header, content)) as answers:
                for answer in answers:
                    self._send(*answer)
                    answered = "done" in answer[0]
        except BrokenPipeError:
            raise
        except ContentError as error:
            self._send({"error": f"The content {error} did not arrive whole."})
        except OSError as error:
            # What fails after an answer is not one to the next request.
            if not answered:
                self._send({"error": str(error), "full": error.errno in _FULL})

    def _send(self, header: JsonObject, content: bytes = b"") -> None:
        text = json.dumps({**header, "size": len(content)})
        self._sink.write(text.encode() + b"\n" + content)
        self._sink.flush()

    def _folder(self, header: JsonObject) -> Path:
        return self._root / "runs" / str(header["run"])

    def _lay_out(self, header: JsonObject, content: bytes) -> Answers:
        """Lay out a tree that is known by its id, or comes with the request, compressed."""
        folder = self._folder(header)
        self._contents.settle()
        self._laid_out[folder.name] = header["tree"]
        if self._contents.take_spare(header["tree"], folder):
            yield {"done": {}}, b""
            return
        tree = Tree(zlib.decompress(content)) if content else self._contents.tree(header["tree"])
        if tree is None:
            yield {"done": {"unknown": True}}, b""
            return
        if content:
            self._contents.keep(tree)
        with self._contents.used():
            missing = self._contents.missing(tree)
            if missing:
                sizes = tree.contents
                self._missing[folder.name] = {sha: sizes[sha] for sha in missing}
                free = shutil.disk_usage(str(self._root)).free
                yield {"done": {"missing": missing, "free": free}}, b""
                return
            self._contents.lay_out(tree, folder)
        yield {"done": {}}, b""

    def _unpack(self, header: JsonObject, _: bytes) -> Answers:
        """Store the contents that the tree lacked, which follow in that order, then lay it out.

        They may be compressed, all at once.
        """
        folder, contents = self._folder(header), self._contents
        sizes = self._missing.pop(folder.name)
        stream = Bounded(self._source, header["bytes"])
        with contents.used():
            tree = contents.tree(header["tree"])
            try:
                if tree is None:
                    raise ContentError(header["tree"])
                if header["packed"]:
                    pack = zlib.decompress(stream.read(header["bytes"]))
                    contents.lay_out_new(tree, folder, sizes, pack)
                else:
                    contents.lay_out(tree, folder, contents.store(sizes, stream.read))
            finally:
                stream.drain()
        yield {"done": {}}, b""

    def _start(self, header: JsonObject, _: bytes) -> Answers:
        folder = self._folder(header)
        self._contents.settle()  # its thread and its lock must not be the run's
        if header.get("environment"):
            self._environments.use(folder, header["environment"])
        first = detached.start(folder, header["arguments"], header["variables"], self._agent)
        yield {"done": {"first": first}}, b""

    def _started(self, header: JsonObject, _: bytes) -> Answers:
        folder = self._folder(header)
        running = detached.running(folder) is not None
        yield {"done": {"started": detached.started(folder), "running": running}}, b""

    def _cancel(self, header: JsonObject, _: bytes) -> Answers:
        detached.cancel(self._folder(header))
        yield {"done": {}}, b""

    def _follow(self, header: JsonObject, _: bytes) -> Answers:
        for each, content in detached.follow(self._folder(header), header["have"]):
            if "exit" in each:
                yield {"done": each}, b""
            else:
                yield each, content

    def _fetch(self, header: JsonObject, _: bytes) -> Answers:
        """Send the files below folders of a run, block by block."""
        folder = self._folder(header)
        for top in header["names"]:
            for name, problem in files_below(folder / top):
                full = f"{top}/{name}"
                if problem:
                    yield {"problem": problem, "name": full}, b""
                    continue
                try:
                    with (folder / top / name).open("rb") as source:
                        block = source.read(_BLOCK_BYTES)
                        while True:
                            more = source.read(_BLOCK_BYTES)
                            yield {"name": full, "size": len(block), "more": bool(more)}, block
                            if not more:
                                break
                            block = more
                except FileNotFoundError:
                    yield {"problem": "it is gone", "name": full}, b""
                except PermissionError as error:
                    yield {"problem": str(error.strerror), "name": full}, b""
        yield {"done": {}}, b""

    def _release(self, header: JsonObject, _: bytes) -> Answers:
        folder = self._folder(header)
        if folder.is_dir():
            detached.clear(folder, header["owner"])
            shutil.rmtree(str(folder), ignore_errors=True)
        yield {"done": {}}, b""
        # The carrier need not wait for it.
        self._contents.settle()
        if self._contents.grown:
            self._contents.prune(header["limit"])
        if self._environments.grown:
            self._environments.prune(header["limit"])
        laid_out = self._laid_out.pop(folder.name, None)  # of another connection, it is not known
        tree = None if laid_out is None else self._contents.tree(laid_out)
        if tree is not None and not self._contents.missing(tree):
            self._contents.keep_spare(tree)

    def _find(self, header: JsonObject, _: bytes) -> Answers:
        """Return the path of a program; ``""`` if it is not here."""
        yield {"done": {"path": shutil.which(str(Path(header["name"]).expanduser())) or ""}}, b""

    def _gpus(self, _: JsonObject, __: bytes) -> Answers:
        yield {"done": {"gpus": len(gpus())}}, b""

    def _ports(self, header: JsonObject, _: bytes) -> Answers:
        """Return the first of ``count`` free ports in a row; ``0`` if none were found."""
        yield {"done": {"port": _free_ports(header["address"], header["count"])}}, b""

    def _take(self, header: JsonObject, _: bytes) -> Answers:
        """Take an environment, to use it or to build it."""
        record = self._environments.take(header["key"], lambda: self._send({}))
        yield {"done": {"record": record}}, b""

    def _keep(self, header: JsonObject, _: bytes) -> Answers:
        self._environments.keep(header["key"], header["record"])
        yield {"done": {}}, b""

    def _run(self, header: JsonObject, _: bytes) -> Answers:
        """Run a program, with files that are there only meanwhile; send its lines."""
        folder = self._root / header["folder"]
        make_folder(folder)
        files = {folder / name: text for name, text in header["files"].items()}
        try:
            for file, text in files.items():
                file.write_text(text, "utf-8")
            process = subprocess.Popen(
                header["argv"],
                cwd=str(folder),
                env={**os.environ, **header["variables"]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                for line in _lines(process):
                    yield ({"line": line} if line is not None else {}), b""
                code = process.wait()
            finally:
                # Also when the carrier is gone.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            read = {
                name: (folder / name).read_text("utf-8")
                for name in header["read"]
                if (folder / name).exists()
            }
            yield {"done": {"exit": code, "read": read}}, b""
        except FileNotFoundError:
            yield {"done": {"exit": 127, "read": {}}}, b""
        finally:
            for file in (*files, *(folder / name for name in header["read"])):
                with suppress(OSError):
                    file.unlink()


def _free_ports(address: str, count: int) -> int:
    """Return a port from which on ``count`` are free at an address: the usual ones if they are."""
    others = (secrets.choice(range(*_PORTS)) for _ in range(_TRIES))
    for first in (PORT - 1, *others):
        with ExitStack() as kept, suppress(OSError):
            for port in range(first, first + count):
                probe = kept.enter_context(socket.socket())
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
            return first
    return 0


def _address() -> str:
    """Return where this machine was reached; behind a translated address it is its own one."""
    return " ".join(os.environ.get("SSH_CONNECTION", "").split(" ")[2:3])


def _facts(root: Path) -> JsonObject:
    path = os.pathsep.join(
        [
            os.environ.get("PATH", os.defpath),
            *(str(Path(place).expanduser()) for place in _TOOLS_AT),
        ]
    )
    return {
        "tools": {name: shutil.which(name, path=path) or "" for name in _TOOLS},
        "root": str(root),
        "address": _address(),
        "home": str(Path.home()),
        "python": sys.executable,
        "version": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "variables": {k: v for k, v in os.environ.items() if not k.startswith("SSH_")},
    }


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """Yield a program's lines; ``None`` while there is none."""
    output = typing.cast("typing.IO[bytes]", process.stdout)
    rest, beat = b"", time.monotonic()
    with output:
        while True:
            ready, _, _ = select.select([output], [], [], _BEAT_S)
            if not ready or time.monotonic() - beat > _BEAT_S:
                beat = time.monotonic()
                yield None
            if not ready:
                continue
            read = os.read(output.fileno(), 65536)
            if not read:
                break
            *whole, rest = (rest + read).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace").rstrip()
    if rest:
        yield rest.decode("utf-8", "replace").rstrip()
