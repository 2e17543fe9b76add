"""Runs on a machine over ssh, beside the bare tools: `ssh host python3`, rsync. Needs root.

Through a proxy that delays by 40 ms a round trip, as a machine of a cloud does; without it every
protocol looks fast. Prints seconds and ratios, medians of several.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from delay_proxy import proxy

from runtime.targets.ssh import SshTarget
from runtime.targets.ssh_connection import connect
from runtime.targets.ssh_machine import Machine
from runtime.targets.ssh_session import Session
from runtime.targets.ssh_trees import Listed, file_of
from runtime.testing.targets import a_run, poll
from tests.runtime.hosts import Host, loopback, make_key

DELAY_S = float(os.environ.get("BENCH_DELAY_S", "0.02"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "5"))
FILES = 1000


def timed(act: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    taken = []
    for _ in range(REPEATS):
        before()
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def first_line(target: SshTarget, folder: Path) -> float:
    """Return how long it takes from the submission to the script's first line."""
    run = a_run(folder, "print('here', flush=True)\nimport time\ntime.sleep(0.2)\n")
    began = time.perf_counter()
    handle = target.launch(run)
    while not any(c.text for c in target.logs(handle, {}) if c.name.startswith("user_logs")):
        poll(target, handle)
        time.sleep(0.005)
    taken = time.perf_counter() - began
    while not poll(target, handle).state.final:
        time.sleep(0.05)
    return taken


def bench(host: Host, folder: Path) -> None:
    port = proxy(host.port, DELAY_S)
    key = {"private_key": f"file:{folder / 'key'}"}
    machine = Machine("vm", "127.0.0.1", port, "trainer", host.host_key, key)
    source = folder / "source"
    source.mkdir()
    for number in range(FILES):
        (source / f"file{number}.py").write_text(f"print({number})\n" * 20)
    remote = ["ssh", "-i", str(folder / "key"), "-p", str(port), "-o", "StrictHostKeyChecking=no"]
    remote += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    at = "trainer@127.0.0.1"

    def sh(*argv: str) -> None:
        subprocess.run(argv, check=True, capture_output=True)

    rsync = ["rsync", "-a", "-e", " ".join(remote), f"{source}/", f"{at}:copy/"]
    session = Session(connect(machine, folder, os.environ))
    tree = Listed.of([file_of(f"work/{f.name}", f) for f in sorted(source.iterdir())], [])
    # Before each: nothing of it is there.
    store = host.home("trainer") / ".aml-agent"

    def release() -> None:
        session.answer("release", run="bench", owner="bench", limit=1 << 34)
        session.answer("started", run="bench")  # once the machine has done what nobody waits for

    def empty() -> None:
        release()  # and all that arrived is stored
        sh(
            "rm",
            "-rf",
            *(str(store / name) for name in ("objects", "trees", "spares", "runs/bench")),
        )

    rows = [
        (
            f"{FILES:,} files, first",
            timed(lambda: session.send(tree, "bench"), empty),
            timed(lambda: sh(*rsync), lambda: sh("rm", "-rf", str(host.home("trainer") / "copy"))),
            "rsync",
        ),
        (
            f"{FILES:,} files, unchanged",
            timed(lambda: session.send(tree, "bench"), release),
            timed(lambda: sh(*rsync)),
            "rsync",
        ),
    ]
    release()
    target = SshTarget("vm", folder / "home", machine, manifest=folder / "m", stack="dev")
    first_line(target, folder)
    lines = statistics.median(first_line(target, folder) for _ in range(REPEATS))
    bare = timed(lambda: sh(*remote, at, "python3 -c 'print(1)'"))
    rows.append(("submit to first line, warm", lines, bare, "ssh host python3"))
    print(f"{DELAY_S * 2000:.0f} ms round trip, medians of {REPEATS}")
    for name, ours, theirs, peer in rows:
        print(f"{name:28} {ours:6.2f} s   {peer} {theirs:6.2f} s   ratio {ours / theirs:5.2f}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aml-bench-") as name:
        folder = Path(name)
        key = make_key(folder / "key")
        with loopback(folder) as host:
            host.account("trainer", key=key)
            bench(host, folder)


if __name__ == "__main__":
    main()
