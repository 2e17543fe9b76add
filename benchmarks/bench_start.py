"""`aml --help` beside `python -c pass`, with compiled bytecode: what starting the command costs."""

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
    peer, ours = median([sys.executable, "-c", "pass"]), median([str(AML), "--help"])
    print(f"python -c pass  {peer:.3f} s")
    print(f"aml --help      {ours:.3f} s   {ours - peer:+.3f} s, {ours / peer:.1f} x")


if __name__ == "__main__":
    main()
