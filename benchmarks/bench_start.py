"""Start-up time of `aml --help` and of the Python interface, beside `python -c pass`.

Last, how long a test of our users' waits for its local cloud, which the test before it has used.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.contract.discovery import ask, ensure_cloud
from localcloud.control import reset

AML = Path(sys.executable).with_name("aml")
ROUNDS = 20


def median(arguments: list[str]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def warm_answer() -> float:
    """Return the median time in which a local cloud that was used is emptied, and answers."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ensure_cloud(home)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            reset(home)
            ask(ensure_cloud(home), "/aml/status")
            taken.append(time.perf_counter() - began)
        ask(ensure_cloud(home), "/aml/shutdown", method="POST")
    return statistics.median(taken)


def main() -> None:
    peer = median([sys.executable, "-c", "pass"])
    print(f"{'python -c pass':42} {peer:.3f} s")
    commands = (
        [str(AML), "--help"],
        [sys.executable, "-c", "import aml_platform"],
        [sys.executable, "-c", "from aml_platform import Workspace"],
    )
    rows = {" ".join([Path(each[0]).name, *each[1:]]): median(each) for each in commands}
    for shown, ours in {**rows, "a warm local cloud": warm_answer()}.items():
        print(f"{shown:42} {ours:.3f} s   {ours - peer:+.3f} s, {ours / peer:.1f} x")


if __name__ == "__main__":
    main()
