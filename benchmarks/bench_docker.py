"""Submit a script to the `docker` target, beside bare `docker run` of the same script and image.

The difference is all that a run adds: snapshot, history, agent, following, collecting. Also how
long a printed line takes to the terminal, and how long canceling takes.

The image is AML_DOCKER_BASE_IMAGE, else python:3.11-slim; it needs python3.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AML = Path(sys.executable).with_name("aml")
IMAGE = os.environ.get("AML_DOCKER_BASE_IMAGE", "python:3.11-slim")
ROUNDS = 5
LINES = 100
TICKS = f"""
import time
for _ in range({LINES}):
    print(time.time(), flush=True)
    time.sleep(0.1)
"""


def seconds(arguments: list[str], folder: Path, env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def delays(folder: Path, env: dict[str, str]) -> list[float]:
    """Return how old each line is when `aml submit` prints it, in order of their age."""
    (folder / "ticks.py").write_text(TICKS, encoding="utf-8")
    command = [str(AML), "submit", "--target", "docker", "ticks.py"]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        return sorted(time.time() - float(line) for line in process.stdout)


def cancel_s(folder: Path, env: dict[str, str]) -> float:
    """Return how long it takes from `aml run cancel` to the end of the container."""
    (folder / "waits.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    command = [str(AML), "submit", "--target", "docker", "waits.py"]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.perf_counter()
        subprocess.run([str(AML), "run", "cancel", "last"], cwd=folder, env=env, check=True)
        while subprocess.run(
            ["docker", "ps", "-q", "--filter", "label=aml.run"], capture_output=True, check=True
        ).stdout:
            time.sleep(0.02)
        return time.perf_counter() - began


def main() -> None:
    known = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if known.returncode:
        print(f"skipped: no docker engine here, or it has no image {IMAGE}")
        return
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "source"
        folder.mkdir()
        (folder / "train.py").write_text("print('done')\n", encoding="utf-8")
        env = {**os.environ, "AML_HOME": str(Path(top) / ".aml"), "AML_DOCKER_BASE_IMAGE": IMAGE}
        bare, ours = [], []
        mounted = ["docker", "run", "--rm", "-v", f"{folder}:/w", "-w", "/w", IMAGE]
        for _ in range(ROUNDS):
            bare.append(seconds([*mounted, "python3", "train.py"], folder, env))
            ours.append(
                seconds([str(AML), "submit", "--target", "docker", "train.py"], folder, env)
            )
        peer, mine = statistics.median(bare), statistics.median(ours)
        print(f"docker run … python3 train.py        {peer:6.3f} s")
        print(f"aml submit --target docker train.py  {mine:6.3f} s   {mine / peer:.1f} x")
        ages = delays(folder, env)
        print(f"from print to terminal, p50 / p95    {ages[LINES // 2]:.3f} / {ages[-5]:.3f} s")
        print(f"from cancel to the container's end   {cancel_s(folder, env):6.3f} s")


if __name__ == "__main__":
    main()
