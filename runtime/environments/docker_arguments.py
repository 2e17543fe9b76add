"""Arguments of `docker run`, read into the options of Docker's API. Pure.

A job gives them as one text or as a list (``resources.dockerArgs``, ``docker.arguments``). What
decides whether the run can be tracked (its network, name, entrypoint, …) belongs to whoever starts
the container, and is refused with every other option that is not in the table.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject

_UNITS: Final = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """Options of a container: ``host`` for docker-py's ``create_host_config``, and the others."""

    host: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def size_bytes(text: str) -> int:
    """Return the bytes of a size such as ``2g`` or ``512m``. Raises ``ValueError``."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 2g or 512m")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def docker_options(arguments: str | Sequence[str]) -> ContainerOptions:
    """Return the options that arguments of `docker run` mean.

    Raises ``UsageError`` that names every argument which is not supported or has no valid value.
    """
    host: JsonObject = {}
    variables: dict[str, str] = {}
    labels: dict[str, str] = {}
    problems = []
    for option in _options(arguments):
        key, read = _TABLE.get(option.name, ("", _unsupported))
        try:
            value = read(option.value)
        except ValueError as error:
            problems.append(f"{option.name}: {error}")
            continue
        match value:
            case dict() if key == "environment":
                variables |= value
            case dict() if key == "labels":
                labels |= value
            case dict():
                host[key] = {**host.get(key, {}), **value}
            case list():
                host[key] = [*host.get(key, []), *value]
            case _:
                host[key] = value
    if problems:
        raise UsageError(
            "These arguments of `docker run` cannot be used: " + "; ".join(problems) + ".",
            remedy=f"Remove them. Supported are {', '.join(sorted(_TABLE))}.",
        )
    return ContainerOptions(host, variables, labels)


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    value: str


def _options(arguments: str | Sequence[str]) -> Iterator[_Option]:
    """Split arguments into options: ``--a=1``, ``--a 1``, ``-m 1``, ``-m1`` and flags."""
    words = shlex.split(arguments) if isinstance(arguments, str) else list(arguments)
    while words:
        name, given, value = words.pop(0).partition("=")
        if not name.startswith("--") and name[:2] in _TABLE and len(name) > len("-m"):
            value, name, given = name[2:] + given + value, name[:2], "="
        if not given and name not in _FLAGS and words and not words[0].startswith("-"):
            value = words.pop(0)
        yield _Option(name, value or ("true" if name in _FLAGS else ""))


def _unsupported(_: str) -> object:
    raise ValueError("it is not supported")


def _required(value: str) -> str:
    if not value:
        raise ValueError("it needs a value")
    return value


def _flag(value: str) -> bool:
    return value.lower() == "true"


def _one(value: str) -> list[str]:
    return [_required(value)]


def _pair(value: str) -> dict[str, str]:
    name, given, text = _required(value).partition("=")
    if not given:
        raise ValueError(f"give it a value, as in {name}=VALUE")
    return {name: text}


def _cpus(value: str) -> int:
    return int(float(_required(value)) * 1e9)


def _bytes(value: str) -> int:
    return size_bytes(_required(value))


def _host_entry(value: str) -> dict[str, str]:
    name, given, address = _required(value).partition(":")
    if not given:
        raise ValueError("give it as NAME:ADDRESS")
    return {name: address}


def _temporary(value: str) -> dict[str, str]:
    path, _, options = _required(value).partition(":")
    return {path: options}


def _limit(value: str) -> list[dict[str, object]]:
    name, _, numbers = _required(value).partition("=")
    soft, _, hard = numbers.partition(":")
    return [{"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}]


def _gpus(value: str) -> list[dict[str, object]]:
    count = -1 if _required(value) == "all" else int(value)
    return [{"Driver": "", "Count": count, "Capabilities": [["gpu"]]}]


_Reader = Callable[[str], object]
_TABLE: Final[Mapping[str, tuple[str, _Reader]]] = {
    "--add-host": ("extra_hosts", _host_entry),
    "--cap-add": ("cap_add", _one),
    "--cap-drop": ("cap_drop", _one),
    "--cpu-shares": ("cpu_shares", int),
    "--cpus": ("nano_cpus", _cpus),
    "--cpuset-cpus": ("cpuset_cpus", _required),
    "--device": ("devices", _one),
    "--env": ("environment", _pair),
    "-e": ("environment", _pair),
    "--gpus": ("device_requests", _gpus),
    "--group-add": ("group_add", _one),
    "--ipc": ("ipc_mode", _required),
    "--label": ("labels", _pair),
    "-l": ("labels", _pair),
    "--memory": ("mem_limit", _bytes),
    "-m": ("mem_limit", _bytes),
    "--memory-swap": ("memswap_limit", _bytes),
    "--oom-kill-disable": ("oom_kill_disable", _flag),
    "--pids-limit": ("pids_limit", int),
    "--privileged": ("privileged", _flag),
    "--read-only": ("read_only", _flag),
    "--runtime": ("runtime", _required),
    "--security-opt": ("security_opt", _one),
    "--shm-size": ("shm_size", _bytes),
    "--sysctl": ("sysctls", _pair),
    "--tmpfs": ("tmpfs", _temporary),
    "--ulimit": ("ulimits", _limit),
    "--volume": ("binds", _one),
    "-v": ("binds", _one),
}
_FLAGS: Final = frozenset({"--oom-kill-disable", "--privileged", "--read-only"})
