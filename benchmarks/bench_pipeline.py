"""A pipeline of 1,000 no-op steps planned; and what its driver adds to the runs of a chain.

The peer runs the same scripts one after another, each submitted when the one before has ended, and
forked from one process as the steps are. `PLANNED` and `STEPS` set how many there are.
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
from runtime.pipelines.planning import plan_of
from runtime.pipelines.submission import Options, check, submit
from runtime.submit.driven import driven_folder
from runtime.submit.session import ProjectSession, open_session
from runtime.submit.submitting import submitter_of
from runtime.submit.watch import Pace, Watcher
from runtime.targets.standby import Preloading

PLANNED = int(os.environ.get("PLANNED", "1000"))
CHAIN = int(os.environ.get("STEPS", "100"))
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


def by_hand(session: ProjectSession, folder: Path, top: Path) -> tuple[float, float]:
    """Return the seconds that the runs take, and those of this process's CPU."""
    submitter, target = submitter_of(session), session.targets.target("local")
    assert isinstance(target, Preloading)
    target.preload()
    spec = RunSpec("noop.py", folder)
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(CHAIN):
        place = DataLocation("local", str(top / f"by-hand-{number}"))
        step = replace(spec, outputs=(DataOutput("out", place),))
        ended(session, submitter.submit(step, target).run.run_id)
    return time.perf_counter() - began, time.process_time() - cpu


def by_pipeline(session: ProjectSession, folder: Path) -> tuple[float, float]:
    """Return the seconds that the steps take, and those of the driver's CPU."""
    began = time.perf_counter()
    run_id = submit(session, chain(folder, CHAIN), Options())
    ended(session, run_id)
    took = time.perf_counter() - began
    process = driven_folder(session.home, run_id).process_file.read_text(encoding="utf-8")
    _, _, usage = os.wait4(int(process), 0)
    return took, usage.ru_utime + usage.ru_stime


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
        plan_of(checked, in_order(checked))
        print(f"{PLANNED} steps planned            {time.perf_counter() - began:7.3f} s")
        peer, peer_cpu = by_hand(session, folder, top)
        mine, mine_cpu = by_pipeline(session, folder)
        session.close()
    each_ms, each_cpu_ms = ((value / CHAIN * 1000) for value in (mine - peer, mine_cpu - peer_cpu))
    print(f"{CHAIN} runs, one after another  {peer:7.3f} s   submitted in {peer_cpu:7.3f} s of CPU")
    print(f"{CHAIN} steps of a pipeline      {mine:7.3f} s   driven in    {mine_cpu:7.3f} s of CPU")
    print(f"a step costs {each_ms:+.1f} ms over its run, {each_cpu_ms:+.1f} ms of CPU")


if __name__ == "__main__":
    main()
