"""Packages for a machine that reaches no package index: resolved and fetched here, from wheels."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.contract.errors import EnvironmentBuildError
from infra.contract.private import private_file
from runtime.environments.base_variables import build_variables
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import InstalledPython
from runtime.environments.uv_builder import Shown, execute, uv_binary
from runtime.targets.places import Shipment

_LIBC: Final = range(28, 16, -1)
"""The minor versions of the C library whose wheels a machine may use; uv assumes 2.28."""
_LINES: Final = 15


def resolved_for(
    locked: LockedEnvironment, python: InstalledPython, machine: str, log: Shown, shipment: Shipment
) -> str:
    """Return the exact versions for a machine (``Linux x86_64``), as pins with hashes."""
    with tempfile.TemporaryDirectory(prefix="aml-resolve-") as folder:
        source, pins = Path(folder, "requirements.in"), Path(folder, "requirements.out")
        private_file(source).write_text("\n".join([*locked.lines, ""]), encoding="utf-8")
        argv = [
            str(uv_binary()), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
            "--generate-hashes", "--only-binary=:all:", "--python-version", python.text,
            "--python-platform", f"{machine.split()[1]}-unknown-linux-gnu",
            "--output-file", str(pins), *locked.arguments, str(source),
        ]  # fmt: skip
        _must("uv pip compile", argv, log, shipment)
        return pins.read_text(encoding="utf-8")


@contextmanager
def wheels_for(
    lines: Sequence[str], python: InstalledPython, machine: str, log: Shown, shipment: Shipment
) -> Iterator[Path]:
    """Yield a folder with the wheels of locked requirements."""
    arch = machine.split()[1]
    platforms = [f"manylinux_2_{minor}_{arch}" for minor in _LIBC]
    platforms += [f"manylinux2014_{arch}", f"linux_{arch}"]
    with tempfile.TemporaryDirectory(prefix="aml-wheels-") as folder:
        file, wheels = Path(folder, "requirements.txt"), Path(folder, "wheels")
        private_file(file).write_text("\n".join([*lines, ""]), encoding="utf-8")
        wheels.mkdir()
        argv = [
            str(uv_binary()), "tool", "run", "pip", "download", "--quiet", "--no-deps",
            "--disable-pip-version-check", "--only-binary=:all:", "--implementation", "cp",
            "--python-version", python.text, *(f"--platform={each}" for each in platforms),
            "--dest", str(wheels), "--requirement", str(file),
        ]  # fmt: skip
        _must("pip download", argv, log, shipment)
        yield wheels


def _must(name: str, argv: Sequence[str], log: Shown, shipment: Shipment) -> None:
    variables = {**build_variables(os.environ), "UV_NO_PROGRESS": "1", "UV_NO_CONFIG": "1"}
    code, last = execute(argv, variables, log, shipment.stop)
    if code:
        shipment.check()
        raise EnvironmentBuildError(
            f"The machine reaches no package index, and `{name}` failed here with exit code {code}."
            " Its last lines:\n" + "\n".join(last[-_LINES:]),
            remedy="Packages for such a machine need wheels; or let it reach the index.",
        )
