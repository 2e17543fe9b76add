"""Selects the environment variables that builds and local runs inherit from this process."""

import os
from collections.abc import Mapping

from infra.contract.variables import BASE, INSTALLATION, selected


def base_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that any program needs, and none of this project's."""
    return selected(environ, BASE)


def build_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that an installation needs: also proxies and uv's settings."""
    return selected(environ, INSTALLATION)
