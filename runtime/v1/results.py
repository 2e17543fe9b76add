"""Lines of a notebook whose results later lines use: ``%run FILE`` and ``x = !command``."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError

RUN: Final = "_aml_run"
OUTPUT: Final = "_aml_output"
"""What the two are called in the notebook's variables."""
_INSTALLS: Final = re.compile(r"\s*(python\S*\s+-m\s+)?(pip3?|conda|mamba|apt|apt-get)\b")
_IN_NOTEBOOK: Final = "-i"
NOTEBOOK: Final = ".ipynb"


@dataclass(frozen=True, slots=True)
class Included:
    """A file that a notebook runs. ``shares``: with the notebook's own variables."""

    file: Path
    arguments: tuple[str, ...]
    shares: bool


class Output(list[str]):
    """The lines that a command printed, as IPython returns them."""

    @property
    def n(self) -> str:
        return "\n".join(self)

    @property
    def s(self) -> str:
        return " ".join(self)


def installs(command: str) -> bool:
    """Return whether a command changes what is installed, which a notebook does not do here."""
    return _INSTALLS.match(command) is not None


def output_of(command: str) -> Output:
    """Run a line of the shell and return what it printed, errors included."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Output(done.stdout.splitlines())


def included(rest: str) -> Included:
    """Return what ``%run`` runs: a script with variables of its own, or a notebook with these.

    Raises ``UsageError`` for an option other than ``-i``, and for a file that is not there.
    """
    words = shlex.split(rest)
    options = [word for word in words[:1] if word.startswith("-")]
    if any(option != _IN_NOTEBOOK for option in options):
        raise UsageError(
            f"%run {options[0]} is not done here.",
            remedy="Leave the option out, or write the line in plain Python.",
        )
    named, *arguments = words[len(options) :] or [""]
    found = [file for file in (Path(named), Path(f"{named}.py")) if file.is_file()]
    if not found:
        raise UsageError(
            f"There is no file {named or 'to run'}.", remedy="Name a script: `%run FILE`."
        )
    shares = bool(options) or found[0].suffix.lower() == NOTEBOOK
    return Included(found[0], tuple(arguments), shares)
