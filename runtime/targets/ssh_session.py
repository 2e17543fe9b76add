"""What is asked of a machine over its connection: one channel, in which the agent serves.

The agent is sent once, and unpacked at the machine. Requests then cost a round trip each.
"""

import base64
import hashlib
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.errors import PlatformError, UnreachableError
from infra.contract.json_types import Document, JsonObject
from runtime.agent.archive import agent_archive
from runtime.agent.detached import Frame, read_frame
from runtime.targets.ssh_connection import Beside, Command, Connection
from runtime.targets.ssh_machine import (
    disk_full,
    line_lost,
    no_answer,
    no_python,
    strange_answer,
    windows,
)
from runtime.targets.ssh_trees import Listed, dump, opened

ROOT: Final = ".aml-agent"
"""The folder in the user's home at a machine."""
_READY: Final = "aml-ready"
_SILENCE_S: Final = 15.0
"""Requests during which the agent sends something twice a second fail after so long."""
_PATIENCE_S: Final = {
    **dict.fromkeys(("follow", "run", "take"), _SILENCE_S),
    "release": 300.0,  # it removes the run's files
}
_ANSWER_S: Final = 60.0
"""How long the agent may be silent during the others: a machine under load takes seconds."""
_WRITTEN_PER_S: Final = 10 * 1024**2
_FILES_PER_S: Final = 1000
"""What a slow disk takes: laying out a tree may take so much longer."""
_HELLO_S: Final = 60.0
_BLOCK_BYTES: Final = 1 << 18
_NO_SPACE: Final = ("28", "122")  # ENOSPC and EDQUOT on Linux
_WINDOWS: Final = "is not recognized"
_FAST: Final = 1
_SMALL_BYTES: Final = 4096
_PACKED_BYTES: Final = 32 * 1024**2
"""Up to so many bytes, contents are compressed before they are sent: source code, not data."""
_LINES: Final = 200
_PYTHONS: Final = (
    "python3", "python", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9",
    "python3.8", "/usr/bin/miniforge/envs/py38/bin/python",
    "/usr/bin/anaconda/envs/py38/bin/python",
)  # fmt: skip
"""Where a machine may have a Python for the agent; the last two are those of HDInsight."""
_INSTALL: Final = """
import os, sys
def say(text):
    os.write(1, (text + "\\n").encode())
if sys.version_info < (3, 8):
    say("aml-old %d.%d" % sys.version_info[:2])
    sys.exit(3)
import compileall, io, shutil, zipfile
place, size, root = sys.argv[2:]
try:
    if not os.path.isdir(os.path.dirname(place)):
        os.makedirs(os.path.dirname(place))
    say("aml-agent")
    content = b""
    while len(content) < int(size):
        more = os.read(0, int(size) - len(content))
        if not more:
            sys.exit(4)
        content += more
    new = "%s.%d" % (place, os.getpid())
    try:
        zipfile.ZipFile(io.BytesIO(content)).extractall(new)
        compileall.compile_dir(new, quiet=2)
        if not os.path.isdir(place):
            os.rename(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    say("aml-ready")
    os.execv(sys.executable, [sys.executable, place, "serve", root])
except OSError as error:
    say("aml-error %s %s" % (error.errno, error))
    sys.exit(4)
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """The script's interpreter at the machine, and its variables; ``key`` if it was built."""

    python: str
    variables: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


class Session:
    """The agent at a machine, through one channel. ``facts`` is what it says of the machine.

    Raises ``UnreachableError`` when the line is lost, ``MachineError`` for what the machine lacks.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.machine = connection.machine
        self._agent = agent_archive()
        try:
            self._command = connection.command(bootstrap(self._agent))
            self.facts = self._greeted()
        except UnreachableError:
            raise no_answer(self.machine, "it was silent after the login") from None
        self.rounds = 0
        """How many requests were made: each is a round trip."""

    def answer(self, do: str, content: bytes = b"", /, **fields: object) -> Document:
        """Make a request and return the end of its answer."""
        return [frame for frame, _ in self.frames(do, content, **fields)][-1]

    def frames(self, do: str, content: bytes = b"", /, **fields: object) -> Iterator[Frame]:
        """Make a request and yield its answer; the last frame is what it says is ``done``."""
        return self._frames(do, content, fields, _PATIENCE_S.get(do, _ANSWER_S))

    def send(self, listed: Listed, run_id: str) -> int:
        """Lay out a tree in a run's folder; return how many contents had to be sent."""
        text = zlib.compress(listed.text, _FAST)
        # A small one comes with the first question, which then is the last.
        first = text if len(text) <= _SMALL_BYTES else b""
        found = self._lay_out(listed, first, run_id)
        if "unknown" in found:
            found = self._lay_out(listed, text, run_id)
        missing = found.get("missing", ())
        if missing:
            size = sum(listed.sizes[sha] for sha in missing)
            # The store has them, and the run a copy.
            if found["free"] < 2 * size:
                free = f"{found['free'] // 2**20} MiB are free, and the run needs"
                raise disk_full(self.machine, f"{free} {2 * size // 2**20 + 1} MiB")
            self._unpack(listed, missing, run_id)
        return len(missing)

    def command(self, *arguments: str) -> Command:
        """Start the agent for something else, in a channel of its own."""
        return self._connection.command(self._line(arguments))

    def beside(self, arguments: Sequence[str], terminal: tuple[int, int] | None) -> Beside:
        """Start the agent for a person."""
        return self._connection.beside(self._line(arguments), terminal)

    def port(self, port: int) -> Beside:
        """Connect to a port of the machine, through the agent if there is no other way."""
        return self._connection.port(port) or self.beside(["connect", ".", str(port)], None)

    def _line(self, arguments: Sequence[str]) -> str:
        agent = f"{self.facts['root']}/agent/{version(self._agent)}"
        return f"exec {shlex.join([self.facts['python'], agent, *arguments])}"

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known here."""
        return self._connection.alive

    def disconnect(self) -> None:
        """Close the connection: the agent there ends, runs go on."""
        self._connection.close()

    def _frames(
        self, do: str, content: bytes, fields: Mapping[str, object], patience_s: float
    ) -> Iterator[Frame]:
        self._command.expect_within(patience_s)
        self._command.write(packed({"do": do, **fields, "size": len(content)}) + content)
        self.rounds += 1
        yield from self._answered()

    def _lay_out(self, listed: Listed, content: bytes, run_id: str) -> Document:
        fields = {"run": run_id, "tree": listed.id}
        frames = self._frames("lay-out", content, fields, _laid_out_s(listed))
        return [frame for frame, _ in frames][-1]

    def _unpack(self, listed: Listed, missing: Sequence[str], run_id: str) -> None:
        header = {"do": "unpack", "run": run_id, "size": 0, "tree": listed.id}
        size = sum(listed.sizes[sha] for sha in missing)
        self._command.expect_within(_laid_out_s(listed))
        self.rounds += 1
        if size <= _PACKED_BYTES:
            pack = zlib.compress(b"".join(_contents(listed, missing)), _FAST)
            self._command.write(packed({**header, "bytes": len(pack), "packed": True}) + pack)
        else:
            self._command.write(packed({**header, "bytes": size, "packed": False}))
            held = bytearray()
            for block in _contents(listed, missing):
                held += block
                if len(held) >= _BLOCK_BYTES:  # small ones would be a packet each
                    self._command.write(bytes(held))
                    held.clear()
            self._command.write(bytes(held))
        list(self._answered())

    def _answered(self) -> Iterator[Frame]:
        while True:
            try:
                frame = read_frame(self._command.read_line, self._command.read)
            except EOFError:
                frame = None
            if frame is None:
                code, said = self._command.ended()
                raise (
                    strange_answer(self.machine, code, said) if said else line_lost(self.machine)
                )
            header, content = frame
            if "error" in header:
                raise self._failed(header)
            if "done" in header:
                yield header["done"], b""
                return
            yield header, content

    def _failed(self, header: Document) -> PlatformError:
        if header.get("full"):
            return disk_full(self.machine, str(header["error"]))
        return strange_answer(self.machine, None, str(header["error"]))

    def _greeted(self) -> Document:
        """Read what the machine says first: what it lacks, or that the agent serves."""
        self._command.expect_within(_HELLO_S)
        said = []
        # A shell's start-up files may print something first.
        for _ in range(_LINES):
            line = self._command.read_line().decode(errors="replace")
            word, _, rest = line.strip().partition(" ")
            match word:
                case "aml-ready":
                    return [frame for frame, _ in self._answered()][-1]
                case "aml-agent":
                    self._command.write(self._agent)
                case "aml-no-python":
                    raise no_python(self.machine)
                case "aml-old":
                    raise no_python(self.machine, rest)
                case "aml-error":
                    number, _, why = rest.partition(" ")
                    full = number in _NO_SPACE
                    raise (
                        disk_full(self.machine, why)
                        if full
                        else strange_answer(self.machine, None, why)
                    )
            said.append(line)
            if not line:
                break
        code, words = self._command.ended()
        words = f"{''.join(said)}{words}"
        if _WINDOWS in words:
            raise windows(self.machine)
        raise strange_answer(self.machine, code, words)


def _laid_out_s(listed: Listed) -> float:
    """Return how long the agent may be silent while it lays out a tree."""
    size, count = sum(listed.sizes.values()), len(listed.sizes)
    return _ANSWER_S + size / _WRITTEN_PER_S + count / _FILES_PER_S


def _contents(listed: Listed, names: Sequence[str]) -> Iterator[bytes]:
    """Yield contents, one after another, each with as many bytes as it was said to have.

    What has changed meanwhile does not have its name, which the machine notices.
    """
    for sha in names:
        left = listed.sizes[sha]
        with opened(listed.contents[sha]) as content:
            while left:
                block = content.read(min(left, _BLOCK_BYTES)) or bytes(min(left, _BLOCK_BYTES))
                left -= len(block)
                yield block


def bootstrap(agent: bytes) -> str:
    """Return the command that starts the agent at a machine, for whatever shell its user has.

    It prints ``aml-ready``, or ``aml-agent`` to be sent the agent first, or what is missing.
    """
    install = base64.b64encode(_INSTALL.encode()).decode()
    run = "import sys,base64;exec(base64.b64decode(sys.argv[1]))"
    script = (
        f'umask 077; cd; r="$HOME/{ROOT}"; a="$r/agent/{version(agent)}"; p=;'
        f" for n in {' '.join(_PYTHONS)}; do q=$(command -v $n) || continue; p=${{p:-$q}};"
        ' "$q" -c "import sys; sys.exit(sys.version_info < (3, 8))" && p=$q && break; done;'
        ' if [ -z "$p" ]; then echo aml-no-python; exit 3; fi;'
        f' if [ -f "$a/__main__.py" ]; then echo {_READY}; exec "$p" "$a" serve "$r"; fi;'
        f' exec "$p" -c "{run}" {install} "$a" {len(agent)} "$r"'
    )
    return f"exec sh -c '{script}'"


def version(agent: bytes) -> str:
    """Return the name of an agent's folder."""
    return hashlib.sha256(agent).hexdigest()[:16]


def packed(header: JsonObject) -> bytes:
    """Return a header as a line."""
    return dump(header) + b"\n"
