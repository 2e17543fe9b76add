"""A pipeline of 1,000 no-op steps planned; and what its driver adds to the runs of a chain.

The peer runs the same scripts one after another, each submitted when the one before has ended.
"""

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.pipelines import Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.pipelines.graph import in_order
from runtime.pipelines.planning import Plan
from runtime.pipelines.submission import Options, check, submit
from runtime.submit.session import ProjectSession, open_session
from runtime.submit.watch import Pace, Watcher

PLANNED, CHAIN = 1000, 20
PACE = Pace(first_s=0.01, growth=1.2, longest_s=0.05)


def chain(folder: Path, count: int) -> Pipeline:
    steps = []
    for number in range(count):
        above = f"s{number - 1}"
        read = (DataInput("data", DataLocation("local", "")),) if number else ()
        run = RunSpec("noop.py", folder, inputs=read, outputs=(DataOutput("out"),))
        reads = {"data": Source(above, "out")} if number else {}
        steps.append(Step(f"s{number}", run, reads=reads, reuse=False))
    return Pipeline("bench", tuple(steps))


def ended(session: ProjectSession, run_id: str) -> None:
    target = session.target_of(session.history.record(run_id))
    for _ in Watcher(session.history, pace=PACE).watch({run_id: target}):
        pass
    record = session.history.record(run_id)
    if str(record.state) != "Completed":
        sys.exit(f"{run_id} {record.state}: {record.error}")


def by_hand(session: ProjectSession, folder: Path, top: Path) -> float:
    submitter, target = session.submitter(), session.targets.target("local")
    spec = RunSpec("noop.py", folder)
    began = time.perf_counter()
    for number in range(CHAIN):
        place = DataLocation("local", str(top / f"by-hand-{number}"))
        step = replace(spec, outputs=(DataOutput("out", place),))
        ended(session, submitter.submit(step, target).run.run_id)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as text:
        top = Path(text)
        os.environ["AML_HOME"] = str(top / ".aml")
        folder = top / "source"
        folder.mkdir()
        (folder / "noop.py").write_text("", encoding="utf-8")
        session = open_session(None)
        large = chain(folder, PLANNED)
        began = time.perf_counter()
        checked = check(session, large)
        Plan(checked, in_order(checked))
        print(f"{PLANNED} steps planned            {time.perf_counter() - began:7.3f} s")
        peer = by_hand(session, folder, top)
        began = time.perf_counter()
        ended(session, submit(session, chain(folder, CHAIN), Options()))
        mine = time.perf_counter() - began
        each = (mine - peer) / CHAIN * 1000
        print(f"{CHAIN} runs, one after another  {peer:7.3f} s")
        print(
            f"{CHAIN} steps of a pipeline      {mine:7.3f} s   {each:+.1f} ms a step,"
            f" {mine / peer:.2f} x"
        )
        session.close()


if __name__ == "__main__":
    main()
