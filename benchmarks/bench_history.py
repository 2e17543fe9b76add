"""List, show and submit beside 100,000 runs, and beside ten; log metrics in batches.

The peer is the same command in a project with ten runs: what it takes more is the history's cost.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runtime.history.store import History
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import RunState

AML = Path(sys.executable).with_name("aml")
FEW, MANY = 10, 100_000
ROUNDS = 5
METRICS = 10_000


def filled(folder: Path, runs: int) -> Path:
    history = History(folder / ".aml" / "history.sqlite")
    for number in range(runs):
        history.add(
            RunRecord(
                run_id=f"run{number}",
                experiment=f"experiment{number % 50}",
                target="local",
                state=RunState.COMPLETED,
                created=float(number),
                metrics={"rmse": number / runs},
                tags={"team": "ml"},
            )
        )
    history.close()
    (folder / "train.py").write_text("print('done')\n", encoding="utf-8")
    return folder


def median(folder: Path, *arguments: str) -> float:
    env = {**os.environ, "AML_HOME": str(folder / ".aml")}
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([AML, *arguments], cwd=folder, env=env, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def metric_s(folder: Path) -> float:
    history = History(folder / ".aml" / "history.sqlite")
    began = time.perf_counter()
    history.append(
        "run1",
        [
            RunEvent(seq, 1.0, "metric", {"key": f"m{seq % 20}", "value": seq, "step": seq})
            for seq in range(METRICS)
        ],
    )
    return (time.perf_counter() - began) / METRICS


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        few, many = (Path(top, name) for name in ("few", "many"))
        for folder, runs in ((few, FEW), (many, MANY)):
            folder.mkdir()
            filled(folder, runs)
        for arguments in (
            ("runs",),
            ("runs", "-e", "experiment7"),
            ("run", "show", "run1"),
            ("submit", "train.py"),
        ):
            peer, ours = median(few, *arguments), median(many, *arguments)
            print(
                f"aml {' '.join(arguments):22} {FEW} runs {peer:.3f} s"
                f"   {MANY:,} runs {ours:.3f} s   {ours / peer:.2f} x"
            )
        print(f"a metric in a batch of {METRICS:,}: {metric_s(many) * 1000:.4f} ms")


if __name__ == "__main__":
    main()
