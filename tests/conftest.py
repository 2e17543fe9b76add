"""Which tests share a worker: those of a file, and all that watch the client programs."""

import gc

import pytest

from tests.processes import ended_processes

SHARED = "observe"
"""The fixture whose programs run once in each worker that asks for it."""

MEASURED = "measured: "
"""Before the name of a property of a test whose value is shown at the end of a session."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    for item in items:
        name = SHARED if SHARED in getattr(item, "fixturenames", ()) else item.path.as_posix()
        item.add_marker(pytest.mark.xdist_group(name))


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
