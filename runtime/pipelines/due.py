"""Starts the pipelines of the schedules that are due: ``python -m runtime.pipelines.due HOME``.

The local cloud's daemon starts it when ``next`` of a schedule has come. What it did is in the
files of the schedules; a second one that is started meanwhile does nothing.
"""

import os
import sys
import time
from contextlib import closing
from pathlib import Path

from infra.contract.errors import PlatformError, UnknownNameError
from runtime.pipelines.schedules import Schedule, Schedules, fire, fired, not_started
from runtime.submit.session import open_session


def run_due(home: Path, now: float) -> list[str]:
    """Fire every schedule that is due; return the names of these."""
    schedules = Schedules(home)
    found = []
    with schedules.locked() as mine:
        for name in schedules.names() if mine else ():
            try:
                schedule = schedules.read(name)
            except UnknownNameError:
                continue  # it was deleted meanwhile
            if schedule.enabled and schedule.next is not None and schedule.next <= now:
                try:
                    after = _fire(schedule, now)
                except Exception as error:
                    # Noted, or it would be due, and hold up the others, for ever.
                    why = f"This is a bug in aml-platform: {error!r}"
                    fired(schedules, schedule, not_started(schedule, now, why))
                    raise
                fired(schedules, schedule, after)
                found.append(name)
    return found


def _fire(schedule: Schedule, now: float) -> Schedule:
    """Fire a schedule; a stack that cannot be opened is its problem, and no other's."""
    try:
        with closing(open_session(schedule.stack)) as session:
            return fire(session, schedule, now)
    except PlatformError as error:
        return not_started(schedule, now, f"{error.detail} {error.remedy}")


if __name__ == "__main__":
    os.environ["AML_HOME"] = sys.argv[1]
    run_due(Path(sys.argv[1]), time.time())
