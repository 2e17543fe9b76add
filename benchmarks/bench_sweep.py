"""A sweep of trials that do nothing, eight at a time, against starting the same processes alone.

Prints the ratio of the two, and what a trial costs over its process. `TRIALS` sets their number.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.submit.session import open_session
from runtime.submit.watch import Pace, Watcher
from runtime.sweeps.project import submit_sweep
from runtime.sweeps.space import Expression
from runtime.sweeps.sweep import Sweep

TRIALS = int(os.environ.get("TRIALS", "1000"))
AT_ONCE = 8


def processes(script: Path) -> float:
    """Return the seconds that the processes alone take."""

    def spawn(number: int) -> None:
        subprocess.run([sys.executable, script, "--n", str(number)], check=True)

    begun = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(spawn, range(TRIALS)))
    return time.perf_counter() - begun


def sweep(script: Path) -> float:
    """Return the seconds that the sweep takes, from its submission to its end."""
    made = Sweep(
        {"--n": Expression("randint", (1000,))}, "random", "none", "maximize", TRIALS, AT_ONCE
    )
    session = open_session("local")
    begun = time.perf_counter()
    run_id = submit_sweep(session, made, RunSpec(script.name, script.parent, experiment="bench"))
    targets = session.targets_of(session.history.record(run_id))
    for _ in Watcher(session.history, pace=Pace(first_s=1, longest_s=1)).watch(targets):
        pass
    took = time.perf_counter() - begun
    children = session.history.children(run_id)
    assert len(children) == TRIALS
    assert {each.state for each in children} == {RunState.COMPLETED}
    session.close()
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AML_HOME"] = f"{folder}/home"
        script = Path(folder, "source", "train.py")
        script.parent.mkdir()
        script.write_text("pass\n", encoding="utf-8")
        alone, swept = processes(script), sweep(script)
    over_ms = 1000 * (swept - alone) / TRIALS
    print(f"{TRIALS} trials, {AT_ONCE} at a time: {swept:.1f} s; the processes alone {alone:.1f} s")
    print(f"ratio {swept / alone:.1f}; a trial costs {over_ms:.0f} ms over its process")


if __name__ == "__main__":
    main()
