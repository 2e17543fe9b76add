"""Where a project's deployment state lies; a module of its own, because it imports little."""

import os
from typing import Final

from infra.contract.project import Project

BACKEND_VARIABLE: Final = "PULUMI_BACKEND_URL"
LOGIN: Final = "backend"
"""The file in the project's home that `aml login` writes."""
_SCHEMES: Final = ("file", "azblob")


def backend_url(project: Project) -> str:
    """Return where state lies.

    That is ``PULUMI_BACKEND_URL``, else ``backend.url`` of ``Pulumi.yaml``, else what `aml login`
    wrote, else ``.aml/state``.
    """
    named = os.environ.get(BACKEND_VARIABLE) or project.backend_url or logged_in(project)
    return named or own_backend(project)


def own_backend(project: Project) -> str:
    """Return where state lies unless something else is chosen: in this clone's ``.aml``."""
    return f"file://{project.home / 'state'}"


def logged_in(project: Project) -> str | None:
    """Return the backend that `aml login` wrote, if any."""
    file = project.home / LOGIN
    return file.read_text(encoding="utf-8").strip() or None if file.is_file() else None


def embedded_backend(project: Project) -> bool:
    """Return whether the embedded engine, too, can use the project's backend."""
    scheme, separator, _ = backend_url(project).partition("://")
    return not separator or scheme in _SCHEMES
