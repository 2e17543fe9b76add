"""Which tests share a worker: those of a file, and all that watch the client programs."""

import gc
import os
from collections import Counter

import pytest

from tests.processes import ended_processes

SHARED = "observe"
"""The fixture whose programs run once in each worker that asks for it."""

MEASURED = "measured: "
"""Before the name of a property of a test whose value is shown at the end of a session."""


SLOW_TIMEOUT_S = 600
"""After which a slow test has failed, if it says nothing else: on a machine that is busy, too."""


def pytest_xdist_auto_num_workers():
    """Return two workers a core: tests also wait for other processes."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    slow, tests = Counter(), Counter()
    for item in items:
        name = group_of(item)
        item.add_marker(pytest.mark.xdist_group(name))
        if item.get_closest_marker("slow"):
            slow[name] += 1
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))
        tests[name] += 1
    items.sort(key=lambda item: longest_first(group_of(item), slow, tests))


def group_of(item):
    return SHARED if SHARED in getattr(item, "fixturenames", ()) else item.path.as_posix()


def longest_first(name, slow, tests):
    """Return by what groups are sorted: whoever gets a long one last works alone at the end."""
    return -slow[name], -tests[name], name


def pytest_collection_finish():
    gc.freeze()  # thousands of tests and modules stay to the end: no collection looks at them again


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name.startswith(MEASURED):
                terminalreporter.write_line(f"{name.removeprefix(MEASURED)}: {value}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    with ended_processes():
        return (yield)
