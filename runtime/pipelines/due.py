"""Starts the pipelines of the schedules that are due: ``python -m runtime.pipelines.due HOME``.

The local cloud's daemon starts it when ``next`` of a schedule has come. What it did is in the
files of the schedules; a second one that is started meanwhile does nothing.
"""

import os
import sys
import time
from pathlib import Path

from runtime.pipelines.schedules import Schedules, fire
from runtime.submit.session import open_session


def run_due(home: Path, now: float) -> list[str]:
    """Fire every schedule that is due; return the names of these."""
    schedules = Schedules(home)
    fired = []
    with schedules.locked() as mine:
        for name in schedules.names() if mine else ():
            schedule = schedules.read(name)
            if not schedule.enabled or schedule.next is None or schedule.next > now:
                continue
            session = open_session(schedule.stack)
            try:
                schedules.write(fire(session, schedule, now))
            finally:
                session.close()
            fired.append(name)
    return fired


if __name__ == "__main__":
    os.environ["AML_HOME"] = sys.argv[1]
    run_due(Path(sys.argv[1]), time.time())
