"""Drives a pipeline with drivers that are killed: ``python -m`` with its folder and a number.

Each driver is a process of its own that kills itself with SIGKILL after some more of what others
can see of it: an entry or event that it writes, a file that it puts in place, a folder that it
makes, a process that it starts. Prints how many were killed before one of them reached the end.
"""

import os
import signal
import sys
from pathlib import Path

from runtime.pipelines.documents import work_of
from runtime.pipelines.project import drive as drive_pipeline
from runtime.submit.driven import read_task
from runtime.submit.driver_process import Driving, Flag, drive
from runtime.targets.run_folder import RunFolder

SEEN = {"os.rename", "os.remove", "os.mkdir", "os.link", "subprocess.Popen", "sqlite3.connect"}
MOMENTS = range(4, 10)


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


def main(folder, seed):
    work_of(read_task(RunFolder(folder)).plan, {})  # what each driver would import and build again
    killed = 0
    while True:
        left = MOMENTS[(seed + killed * killed) % len(MOMENTS)]
        driver = os.fork()
        if driver == 0:
            driving = Mortal(RunFolder(folder), Moments(left))
            drive(driving, drive_pipeline)
            driving.close()
            os._exit(0)
        _, status = os.waitpid(driver, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
