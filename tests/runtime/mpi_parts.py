"""An mpirun for tests: that of the system, or that of the ``openmpi`` package."""

import os
import shutil

import pytest


def require_mpirun() -> None:
    """Skip the test without an mpirun on PATH; with ``CI`` set, fail it."""
    if shutil.which("mpirun"):
        return
    if os.environ.get("CI"):
        pytest.fail("mpirun is not installed")
    pytest.skip("mpirun is not installed")
