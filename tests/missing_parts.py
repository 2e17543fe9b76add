"""What a test does whose part (an engine, a program) is not on this machine."""

import os
from collections.abc import Mapping
from typing import Final, NoReturn

import pytest

NOT_IN_CI: Final[Mapping[str, str]] = {
    "pulumi": "The Pulumi CLI is in no Debian package and in no index of packages, so CI cannot"
    " install it. The same programs run there with our plugin client in the CLI's place.",
}
"""The parts that may be missing where ``CI`` is set, and why each of them may."""


def missing(reason: str, part: str = "") -> NoReturn:
    """Skip the test by name; where ``CI`` is set, everything has to be there, and it fails.

    ``part`` is one of ``NOT_IN_CI`` where that is not so.
    """
    if os.environ.get("CI") and part not in NOT_IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
