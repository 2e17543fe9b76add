"""Drives a sweep or pipeline with drivers that are killed: ``python -m`` with its folder, a number.

Each driver is a process of its own that kills itself with SIGKILL after some more of what others
can see of it: an entry or event that it writes, a file that it puts in place, a folder that it
makes, a process that it starts. Prints how many were killed before one of them reached the end.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.contract.load import load
from infra.contract.private import private_folder
from runtime.pipelines.documents import work_of
from runtime.submit.driven import driven_folder, read_task
from runtime.submit.driver_process import DRIVERS, Driving, Flag, drive
from runtime.targets.run_folder import RunFolder

SEEN = {"os.rename", "os.remove", "os.mkdir", "os.link", "subprocess.Popen", "sqlite3.connect"}
MOMENTS = {"pipeline": range(4, 10), "sweep": range(1, 15)}
"""After how much each driver is killed; the longest gets to the start of a step or child."""


ENOUGH = 50


class Moments:
    """Counts what is seen; the process ends before the last of them has an effect."""

    def __init__(self, left):
        self.left = left
        sys.addaudithook(lambda event, _: self.another() if event in SEEN else None)

    def another(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Mortal(Driving):
    """What a driver works with, until it is killed: before it writes something, or after."""

    def __init__(self, folder, moments):
        super().__init__(folder, {}, Flag())
        self._moments = moments

    def record(self, kind, data):
        self._moments.another()
        super().record(kind, data)
        self._moments.another()

    def event(self, kind, data):
        self._moments.another()
        super().event(kind, data)
        self._moments.another()


def killed_to_its_end(home, run_id, submit, seed=1):
    """Submit what ``submit`` does under ``run_id``; return how many of its drivers were killed."""
    folder = driven_folder(home, run_id)
    private_folder(folder.path)
    lock = folder.try_lock()  # nobody else drives it
    submit()
    program = [sys.executable, "-m", "tests.killed_drivers", str(folder.path), str(seed)]
    root = Path(__file__).parents[1]
    said = subprocess.run(program, cwd=root, capture_output=True, text=True, check=True).stdout
    os.close(lock)
    return int(said)


def main(folder, seed):
    task = read_task(RunFolder(folder))
    driver = load(DRIVERS[task.driver])
    if task.driver == "pipeline":
        work_of(task.plan, {})  # what each driver would import and build again
    killed, moments = 0, MOMENTS[task.driver]
    while True:
        longer = 5 * max(0, killed - ENOUGH)  # so that one of them gets to the end
        left = moments[(seed + killed * 5) % len(moments)] + longer
        process = os.fork()
        if process == 0:
            driving = Mortal(RunFolder(folder), Moments(left))
            drive(driving, driver)
            driving.close()
            os._exit(0)
        _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
