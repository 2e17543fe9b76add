"""A Java for tests of Spark."""

import os
import shutil

import pytest


def require_java() -> None:
    """Skip the test without Java; with ``CI`` set, fail it."""
    if shutil.which("java") is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("Java is not installed: `apt-get install openjdk-17-jre-headless`")
