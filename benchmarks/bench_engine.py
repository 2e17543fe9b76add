"""The embedded engine alone: computes of a program of one's own against a cloud in memory.

Prints CPU seconds and peak memory of whole processes, one run each, and ratios: to a bare import of
the SDK and the classes that the program names, of a chain to a flat program, and of each size to
the one before it, per compute (1.00 is linear growth).
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COUNTS = tuple(map(int, os.environ.get("BENCH_COUNTS", "100,1000,3000").split(",")))
IMPORTS = "import pulumi_azure_native as azure; azure.machinelearningservices.Compute"
RUN = """\
import sys
from tests.engine.monitor.embedded import EmbeddedStage

count, chain = sys.argv[1:]
program = EmbeddedStage("many", count=count, **({"chain": "yes"} if chain else {}))
planned = program.look(parallel=16)
assert not planned.summary.failed, planned.errors
"""


def measured(code: str, *arguments: str) -> tuple[float, float]:
    """Return the CPU seconds and the peak memory (MiB) of a Python process."""
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"it ended with {status}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def show(name: str, cpu: float, memory: float, ratio: float | None, of: str) -> None:
    beside = f"{ratio:>7.2f}  {of}" if ratio else ""
    print(f"{name:32} {cpu:>8.2f} {memory:>6.0f} {beside}", flush=True)


def main() -> None:
    print(f"{'':32} {'CPU s':>8} {'MiB':>6} {'ratio':>7}")
    imported, memory = measured(IMPORTS)
    show("import of the SDK", imported, memory, None, "")
    before: tuple[int, float] | None = None
    for count in COUNTS:
        flat, memory = measured(RUN, str(count), "")
        show(f"plan of {count}", flat, memory, flat / imported, "of the import")
        each = (flat - imported) / count
        if before is not None:
            growth = each / before[1]
            show(f"  a compute, {before[0]} -> {count}", each, memory, growth, "of the one before")
        before = count, each
        chain, memory = measured(RUN, str(count), "yes")
        show(f"plan of {count} in a chain", chain, memory, chain / flat, "of the flat one")


if __name__ == "__main__":
    main()
