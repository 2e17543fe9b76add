"""The pages of environments: built here, registered in the workspace, and their locks."""

import os
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from infra.contract.errors import CloudStoppedError, PlatformError, UsageError
from runtime.api.environment import Environment
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.inventory import StoredEnvironment, stored
from runtime.environments.inventory import named as stored_as
from runtime.environments.lock_store import FOLDER as LOCKS
from runtime.environments.lock_store import LockStore
from runtime.environments.resolved import ResolvedLock
from runtime.history.listing import Listing, page_of
from runtime.model.environments import LOCK_PROPERTY
from runtime.model.runs import RunRecord
from runtime.studio.site import Site, site_of
from runtime.studio.workspace import opened_workspace

_MOST_RUNS: Final = 50
_FOLDER: Final = "environments"


def built(request: Request) -> Response:
    """Show the environments that are built on this machine, the most recently used first."""
    site = site_of(request)
    found = _stored(site)
    return site.page(
        request, "environments.html", built=found, total=sum(each.size for each in found)
    )


def built_one(request: Request) -> Response:
    """Show one built environment: what it was declared as, what is installed, who used it."""
    site = site_of(request)
    found = stored_as(_stored(site), request.path_params["name"])
    return site.page(
        request,
        "environment.html",
        title=found.name,
        built=found,
        lock=found.lock,
        others=[],
        runs=_runs(site, found.lock),
    )


def lock(request: Request) -> Response:
    """Show the exact versions that runs used, or send them as a file: ``?as=file``."""
    site = site_of(request)
    digest = request.path_params["digest"]
    found = _lock(site, digest)
    if request.query_params.get("as") == "file":
        name = f"{digest[:12]}.requirements.txt"
        sent = {"Content-Disposition": f'attachment; filename="{name}"'}
        return PlainTextResponse(found.text, headers=sent)
    return site.page(
        request,
        "environment.html",
        title=f"Lock {found.digest[:12]}",
        built=None,
        lock=found,
        others=[each for each in _stored(site) if each.lock and each.lock.digest == digest],
        runs=_runs(site, found),
    )


def registered(request: Request) -> Response:
    """Show the environments of the workspace, each in its newest version."""
    site = site_of(request)
    found: Sequence[Environment] = []
    problem, stopped = "", False
    try:
        with opened_workspace(site) as workspace:
            # What somebody registered comes before the curated ones, which have no version.
            found = sorted(
                Environment.list(workspace).values(), key=lambda each: each.version is None
            )
    except PlatformError as error:
        problem = f"{error.detail} {error.remedy or ''}".strip()
        stopped = isinstance(error, CloudStoppedError)
    return site.page(
        request, "registered.html", environments=found, problem=problem, stopped=stopped
    )


def registered_one(request: Request) -> Response:
    """Show an environment of the workspace: ``?version=…``, else its newest one."""
    site = site_of(request)
    version = request.query_params.get("version") or None
    with opened_workspace(site) as workspace:
        found = Environment.get(workspace, request.path_params["name"], version)
    packages = found.python.conda_dependencies
    return site.page(
        request,
        "registered_one.html",
        environment=found,
        packages=packages.serialize_to_string() if packages else "",
    )


def delete(request: Request) -> Response:
    """Remove a built environment, unless a run uses it: it is built again when it is needed."""
    site = site_of(request)
    found = stored_as(_stored(site), request.path_params["name"])
    cache = EnvironmentCache(site.session.home / _FOLDER, ChosenBuilder(os.environ))
    if not cache.discard(found.name):
        raise UsageError(
            f"Environment {found.name} is in use.", remedy="Remove it when its runs have ended."
        )
    return RedirectResponse("/environments", 303)


def _stored(site: Site) -> Sequence[StoredEnvironment]:
    return stored(site.session.home / _FOLDER)


def _lock(site: Site, digest: str) -> ResolvedLock:
    """Return a lock, as it was kept or as an environment was built. Raises ``UnknownNameError``."""
    for each in _stored(site):
        if each.lock and each.lock.digest == digest:
            return each.lock
    return LockStore(site.session.home / LOCKS).load(digest)


def _runs(site: Site, used: ResolvedLock | None) -> Sequence[RunRecord]:
    """Return the newest runs that used a lock."""
    if used is None:
        return []
    listed = page_of(site.session.history, Listing(text=used.digest, limit=_MOST_RUNS)).runs
    return [run for run in listed if run.properties.get(LOCK_PROPERTY) == used.digest]
