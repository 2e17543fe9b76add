"""The embedded engine alone: computes of a program of one's own against a cloud in memory.

Prints CPU seconds and peak memory of whole processes, one run each, and ratios: to a bare import of
the SDK and the classes that the program names, of a chain to a flat program, and of each size to
the one before it, per compute (1.00 is linear growth). Where terraform is installed, a deployment
is beside as many of its `terraform_data`, which reach no service either.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_deploy import bench_terraform

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
LIFE = """\
import json, resource, sys
from tests.engine.monitor.embedded import EmbeddedStage

def spent(step):
    before = seconds() if spent.called else 0.0  # the first has the start of the process, too
    spent.called = True
    ended = step()
    assert not ended.summary.failed
    return seconds() - before

def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

spent.called = False
program = EmbeddedStage("many", count=sys.argv[1])
up = spent(lambda: program.go(parallel=16))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
same = spent(lambda: program.go(parallel=16))
gone = spent(lambda: program.destroy(parallel=16))
print(json.dumps({"up": up, "no change": same, "destroy": gone, "peak": peak}))
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


def show_life(count: int) -> None:
    """Show a deployment, one that changes nothing, and its end, beside terraform's."""
    command = [sys.executable, "-c", LIFE, str(count)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    ours = json.loads(done.stdout)
    with tempfile.TemporaryDirectory() as folder:
        peer = bench_terraform(Path(folder), count) if shutil.which("terraform") else {}
    for name in ("up", "no change", "destroy"):
        ratio = ours[name] / peer[name] if name in peer else None
        show(f"{name} of {count}", ours[name], ours["peak"], ratio, "of terraform")


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
        show_life(count)


if __name__ == "__main__":
    main()
