"""Warm environments: `aml env build` and `uv sync`, with nothing changed since the last time.

Both find that nothing is to be done. The third number is the environment step of a run alone: the
run's process has the imports already.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.conda_tools import conda_tool
from runtime.environments.declarations import read_declaration
from runtime.environments.locking import lock
from runtime.environments.uv_builder import uv_binary

AML = Path(sys.executable).with_name("aml")
ROUNDS = 15
PACKAGES = ["six", "tqdm", "click"]
PROJECT = """\
[project]
name = "warm"
version = "1.0"
requires-python = ">=3.11"
dependencies = {packages}
"""


def seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        (folder / "pyproject.toml").write_text(PROJECT.format(packages=PACKAGES))
        (folder / "requirements.txt").write_text("\n".join(PACKAGES) + "\n")
        env = {**os.environ, "AML_HOME": str(folder / ".aml")}
        env.pop("VIRTUAL_ENV", None)

        def run(*arguments: str) -> Callable[[], object]:
            return lambda: subprocess.run(
                arguments, cwd=folder, env=env, check=True, capture_output=True
            )

        def step() -> None:
            spec = read_declaration(folder / "requirements.txt")
            cache = EnvironmentCache(folder / ".aml" / "environments", ChosenBuilder())
            locked = lock(spec, with_conda=conda_tool() is not None)
            with cache.lease(locked, lambda _: None):
                pass

        peers = {
            "uv sync": run(str(uv_binary()), "sync", "--python", sys.executable),
            "aml env build": run(str(AML), "env", "build", "requirements.txt"),
            "environment step of a run": step,
        }
        for do in peers.values():
            do()  # the first time, it is built
        times: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(ROUNDS):
            for name, do in peers.items():
                times[name].append(seconds(do))
    peer = statistics.median(times["uv sync"])
    for name, measured in times.items():
        mine = statistics.median(measured)
        print(f"{name:26} {mine * 1000:6.0f} ms   {(mine - peer) * 1000:+5.0f} ms")


if __name__ == "__main__":
    main()
