"""Arguments of `docker run`, as definition files give them, as settings of a container. Pure.

What has no meaning for a run is refused by name: its name, its entry point, what is attached.
Whoever starts the container may refuse more.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, TypeAlias

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject

_UNITS: Final = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_EVERY: Final = -1
_BILLION: Final = 1_000_000_000
ALL_GPUS: Final = "all"


@dataclass(frozen=True, slots=True)
class RunArguments:
    """What the arguments say.

    ``host`` are settings of the container's host configuration in the words of the SDK's
    ``create_host_config``; ``own`` those of the container itself. ``gpus`` is ``all``, a number or
    ``device=…``, ``""`` without. ``variables`` with the value ``None`` are this process's own.
    """

    host: Document = field(default_factory=dict)
    own: Document = field(default_factory=dict)
    gpus: str = ""
    variables: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class _WrongError(ValueError):
    """A value that a flag does not take."""


Add: TypeAlias = Callable[["_Made", str], None]


@dataclass(slots=True)
class _Made:
    host: JsonObject = field(default_factory=dict)
    own: JsonObject = field(default_factory=dict)
    variables: dict[str, str | None] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    gpus: str = ""

    def append(self, key: str, value: object) -> None:
        self.host.setdefault(key, []).append(value)


def run_arguments(
    arguments: str | Sequence[str],
    *,
    refused: Mapping[str, str] = MappingProxyType({}),
    at: str | None = None,
) -> RunArguments:
    """Return what arguments of `docker run`, a text or words, mean for a run's container.

    ``refused`` are further flags that whoever starts it cannot honour → why. Raises ``UsageError``
    that names every argument that cannot be honoured, and why.
    """
    made, problems = _Made(), list[str]()
    reasons = {**_REFUSED, **refused}
    words = shlex.split(arguments) if isinstance(arguments, str) else _words(arguments)
    for flag, value in _flags(words, reasons, problems):
        try:
            if flag in _SWITCHES:
                _SWITCHES[flag](made)
            else:
                _VALUES[flag](made, value)
        except _WrongError as error:
            problems.append(f"`{flag} {value}`: {error}")
    if problems:
        known = ", ".join(sorted({*_VALUES, *_SWITCHES} - {*reasons}))
        raise UsageError(
            "Arguments of `docker run` that a run cannot have: " + "; ".join(problems) + ".",
            remedy=f"Remove them. Known ones: {known}.",
            at=at,
        )
    return RunArguments(made.host, made.own, made.gpus, made.variables, made.labels)


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as ``2g`` or ``512m``. Raises ``ValueError``."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 2g or 512m")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def gpu_request(gpus: str) -> JsonObject:
    """Return the engine's request for ``all`` GPUs, a number, or ``device=0,1``."""
    devices = gpus.removeprefix("device=")
    if devices != gpus:
        return {"Driver": "", "DeviceIDs": devices.split(","), "Capabilities": [["gpu"]]}
    count = _EVERY if gpus == ALL_GPUS else int(gpus)
    return {"Driver": "", "Count": count, "Capabilities": [["gpu"]]}


def _words(arguments: Sequence[str]) -> list[str]:
    """Return the words; an item may hold a flag and its value (``--shm-size 2g``)."""
    found: list[str] = []
    for item in arguments:
        found += shlex.split(item) if item.startswith("-") and " " in item else [item]
    return found


def _flags(
    words: Sequence[str], refused: Mapping[str, str], problems: list[str]
) -> Iterator[tuple[str, str]]:
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        flag, equals, value = word.partition("=")
        if not flag.startswith("--") and word[:2] in _LETTERS:
            flag, equals, value = word[:2], word[2:3], word[2:].removeprefix("=")
        flag = _LETTERS.get(flag, flag)
        if flag in _IGNORED:
            continue
        if flag in _SWITCHES and flag not in refused:
            if value.lower() != "false":
                yield flag, ""
            continue
        if flag not in _VALUES or flag in refused:
            problems.append(f"`{word}` {_why(flag, refused)}")
            if not equals and waiting and not waiting[-1].startswith("-"):
                waiting.pop()
            continue
        if not equals:
            if not waiting:
                problems.append(f"`{word}` has no value")
                continue
            value = waiting.pop()
        yield flag, value


def _why(flag: str, refused: Mapping[str, str]) -> str:
    if flag in refused:
        return f"({refused[flag]})"
    close = get_close_matches(flag, [*_VALUES, *_SWITCHES], n=1)
    return f"is not known (did you mean `{close[0]}`?)" if close else "is not known"


def _size(text: str) -> int:
    try:
        return size_bytes(text)
    except ValueError as error:
        raise _WrongError("write a size such as 512m or 2g") from error


def _bytes(key: str) -> Add:
    return lambda made, value: made.host.update({key: _size(value)})


def _text(key: str) -> Add:
    return lambda made, value: made.host.update({key: value})


def _listed(key: str) -> Add:
    return lambda made, value: made.append(key, value)


def _own(key: str) -> Add:
    return lambda made, value: made.own.update({key: value})


def _number(key: str) -> Add:
    def add(made: _Made, value: str) -> None:
        if not re.fullmatch(r"-?\d+", value):
            raise _WrongError("write a whole number")
        made.host[key] = int(value)

    return add


def _cpus(made: _Made, value: str) -> None:
    if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", value):
        raise _WrongError("write a number of processors, such as 2 or 1.5")
    made.host["nano_cpus"] = int(float(value) * _BILLION)


def _gpus(made: _Made, value: str) -> None:
    found = value.strip("\"'")
    devices = found.removeprefix("device=")
    if found != ALL_GPUS and not found.isdigit() and (devices == found or not devices):
        raise _WrongError("write all, a number, or device=0,1")
    made.gpus = found


def _variable(made: _Made, value: str) -> None:
    name, equals, content = value.partition("=")
    made.variables[name] = content if equals else None


def _label(made: _Made, value: str) -> None:
    name, _, content = value.partition("=")
    made.labels[name] = content


def _volume(made: _Made, value: str) -> None:
    source, colon, rest = value.partition(":")
    if not colon or not rest.startswith("/"):
        raise _WrongError("write SOURCE:/PATH, or SOURCE:/PATH:ro")
    made.append("binds", f"{source}:{rest}")


def _ulimit(made: _Made, value: str) -> None:
    match = re.fullmatch(r"(\w+)=(-?\d+)(?::(-?\d+))?", value)
    if match is None:
        raise _WrongError("write NAME=SOFT or NAME=SOFT:HARD")
    soft = int(match[2])
    hard = int(match[3] or soft)
    made.append("ulimits", {"Name": match[1], "Soft": soft, "Hard": hard})


def _tmpfs(made: _Made, value: str) -> None:
    path, _, options = value.partition(":")
    made.host.setdefault("tmpfs", {})[path] = options


def _pair(key: str) -> Add:
    def add(made: _Made, value: str) -> None:
        name, separator, content = value.partition(":" if key == "extra_hosts" else "=")
        if not separator:
            raise _WrongError("write NAME:ADDRESS" if key == "extra_hosts" else "write NAME=VALUE")
        made.host.setdefault(key, {})[name] = content

    return add


def _published(made: _Made, value: str) -> None:
    outside, colon, inside = value.rpartition(":")
    port, _, protocol = inside.partition("/")
    if not port.isdigit():
        raise _WrongError("write PORT or HOST_PORT:PORT")
    address, _, number = outside.rpartition(":")
    if colon and not number.isdigit():
        raise _WrongError("write PORT or HOST_PORT:PORT")
    bound: object = None
    if colon:
        bound = (address, int(number)) if address else int(number)
    made.host.setdefault("port_bindings", {})[f"{port}/{protocol or 'tcp'}"] = bound


_VALUES: Final[Mapping[str, Add]] = {
    "--add-host": _pair("extra_hosts"),
    "--cap-add": _listed("cap_add"),
    "--cap-drop": _listed("cap_drop"),
    "--cpu-shares": _number("cpu_shares"),
    "--cpus": _cpus,
    "--cpuset-cpus": _text("cpuset_cpus"),
    "--device": _listed("devices"),
    "--dns": _listed("dns"),
    "--env": _variable,
    "--gpus": _gpus,
    "--group-add": _listed("group_add"),
    "--hostname": _own("hostname"),
    "--ipc": _text("ipc_mode"),
    "--label": _label,
    "--memory": _bytes("mem_limit"),
    "--memory-reservation": _bytes("mem_reservation"),
    "--memory-swap": lambda made, value: made.host.update(
        memswap_limit=-1 if value == "-1" else _size(value)
    ),
    "--network": _text("network_mode"),
    "--pids-limit": _number("pids_limit"),
    "--publish": _published,
    "--runtime": _text("runtime"),
    "--security-opt": _listed("security_opt"),
    "--shm-size": _bytes("shm_size"),
    "--sysctl": _pair("sysctls"),
    "--tmpfs": _tmpfs,
    "--ulimit": _ulimit,
    "--user": _own("user"),
    "--volume": _volume,
}
"""Flags with a value → what they set."""
_SWITCHES: Final[Mapping[str, Callable[[_Made], None]]] = {
    "--oom-kill-disable": lambda made: made.host.update(oom_kill_disable=True),
    "--privileged": lambda made: made.host.update(privileged=True),
    "--read-only": lambda made: made.host.update(read_only=True),
}
_LETTERS: Final = {
    "-c": "--cpu-shares", "-d": "--detach", "-e": "--env", "-h": "--hostname",
    "-i": "--interactive", "-l": "--label", "-m": "--memory", "-p": "--publish", "-t": "--tty",
    "-u": "--user", "-v": "--volume", "-w": "--workdir", "--net": "--network",
}  # fmt: skip
_IGNORED: Final = frozenset({"--rm", "--init"})
"""A run's container has both anyway."""
_REFUSED: Final = {
    "--detach": "a run is followed by its target",
    "--entrypoint": "it is the run's agent",
    "--env-file": "give its variables as `environmentVariables`",
    "--interactive": "nobody is at the keyboard of a run",
    "--mount": "write it as `-v SOURCE:/PATH`",
    "--name": "it is made from the run's id",
    "--pid": "a run's processes are its own",
    "--pull": "an image is pulled when it is not there",
    "--restart": "a run is started once",
    "--tty": "nobody is at the keyboard of a run",
    "--volumes-from": "write the folders as `-v SOURCE:/PATH`",
    "--workdir": "it is the copy of the source folder",
}
"""Flags with no meaning for a run → why."""
