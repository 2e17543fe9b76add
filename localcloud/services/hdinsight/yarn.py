"""What ``spark-submit`` is asked for on a cluster with YARN, and what is left of it here. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from infra.contract.errors import UsageError

_FLAGS: Final = frozenset({"--verbose", "-v", "--supervise"})
_NOT_HERE: Final = frozenset({
    "--queue", "--num-executors", "--executor-cores", "--driver-cores",
    "--total-executor-cores", "--principal", "--keytab",
})  # fmt: skip
_READ: Final = frozenset({"--master", "--deploy-mode", "--files", "--archives"})
_MASTER_ENV: Final = "spark.yarn.appMasterEnv."


@dataclass(frozen=True, slots=True)
class Submission:
    """One application. ``options`` are those that Spark itself takes, without files and archives.

    ``cluster``: the driver runs in a container of YARN rather than where it was submitted.
    ``variables`` are the driver's, ``left_out`` what means nothing without YARN.
    """

    cluster: bool
    program: str
    arguments: tuple[str, ...]
    options: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The application's name."""
        if "--name" in self.options:
            return self.options[self.options.index("--name") + 1]
        return PurePosixPath(self.program).name


def submission(words: Sequence[str]) -> Submission:
    """Read the arguments of ``spark-submit``; ``UsageError`` for those that make no application."""
    given, rest = _options(words)
    if not rest:
        raise UsageError(
            "There is no application to submit.", remedy="Name a .py file or a jar at the end."
        )
    named = dict(given)
    _require_yarn(named.get("--master", "yarn"))
    options: list[str] = []
    left_out: list[str] = []
    variables: dict[str, str] = {}
    for option, value in given:
        if option in _FLAGS:
            options.append(option)
        elif option in _READ:
            continue
        elif option in _NOT_HERE:
            left_out.append(f"{option} {value}")
        elif option == "--conf" and value.startswith("spark.yarn."):
            left_out += _of_yarn(value, variables)
        else:
            options += [option, value]
    return Submission(
        named.get("--deploy-mode", "client") == "cluster",
        rest[0],
        tuple(rest[1:]),
        tuple(options),
        _split(named.get("--files", "")),
        _split(named.get("--archives", "")),
        variables,
        tuple(left_out),
    )


def _options(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options before the application with their values, and the rest."""
    rest, found = list(words), list[tuple[str, str]]()
    while rest and rest[0].startswith("-"):
        option, equals, value = rest.pop(0).partition("=")
        option = "--conf" if option == "-c" else option
        if option not in _FLAGS and not equals:
            if not rest:
                raise UsageError(f"{option} needs a value.", remedy="See `spark-submit --help`.")
            value = rest.pop(0)
        found.append((option, value))
    return found, rest


def _of_yarn(setting: str, variables: dict[str, str]) -> list[str]:
    """Keep a variable of the driver; return any other setting, which means nothing here."""
    name, _, value = setting.partition("=")
    if name.startswith(_MASTER_ENV):
        variables[name.removeprefix(_MASTER_ENV)] = value
        return []
    return [f"--conf {setting}"]


def _require_yarn(master: str) -> None:
    if not master.startswith(("yarn", "local")):
        raise UsageError(
            f"The cluster has no master {master!r}.", remedy="Submit with `--master yarn`."
        )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
