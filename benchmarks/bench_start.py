"""Start-up time of `aml --help` and of the Python interface, beside `python -c pass`."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

AML = Path(sys.executable).with_name("aml")
ROUNDS = 20


def median(arguments: list[str]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    peer = median([sys.executable, "-c", "pass"])
    print(f"{'python -c pass':42} {peer:.3f} s")
    for arguments in (
        [str(AML), "--help"],
        [sys.executable, "-c", "import aml_platform"],
        [sys.executable, "-c", "from aml_platform import Workspace"],
    ):
        ours = median(arguments)
        shown = " ".join([Path(arguments[0]).name, *arguments[1:]])
        print(f"{shown:42} {ours:.3f} s   {ours - peer:+.3f} s, {ours / peer:.1f} x")


if __name__ == "__main__":
    main()
