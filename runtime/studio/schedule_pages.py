"""The page of schedules: when each is due, what it started; enabled, disabled and deleted here."""

from dataclasses import dataclass
from threading import Lock
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.contract.discovery import find_cloud
from infra.contract.json_types import Document
from runtime.history.listing import Listing, page_of
from runtime.history.store import History
from runtime.model.runs import RunRecord
from runtime.pipelines.schedules import (
    SCHEDULE_PROPERTY,
    Schedule,
    Schedules,
    deleted,
    enabled,
)
from runtime.pipelines.triggers import trigger_text
from runtime.studio.site import Site, site_of

_MOST_RUNS: Final = 50
_ADDRESS: Final = "/schedules"


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule and the run that it started last, if that is still known."""

    schedule: Schedule
    trigger: str
    last: RunRecord | None


def schedules(request: Request) -> Response:
    """Show all schedules."""
    site = site_of(request)
    site.fresh.keep()
    known = Schedules(site.session.home)
    rows = [_row(site.session.history, known.read(name)) for name in known.names()]
    is_kept_here = any(row.schedule.enabled and not row.schedule.native for row in rows)
    return site.page(
        request,
        "schedules.html",
        rows=rows,
        stands_still=is_kept_here and find_cloud(site.session.home) is None,
    )


def schedule(request: Request) -> Response:
    """Show one schedule and the runs that it started, newest first."""
    site = site_of(request)
    site.fresh.keep()
    name = request.path_params["name"]
    found, history = Schedules(site.session.home).read(name), site.session.history
    listed = page_of(history, Listing(text=name, limit=_MOST_RUNS)).runs
    return site.page(
        request,
        "schedule.html",
        row=_row(history, found),
        steps=_steps(found),
        runs=[run for run in listed if run.properties.get(SCHEDULE_PROPERTY) == name],
    )


def enable(request: Request) -> Response:
    """Enable a schedule; it is next due from now on."""
    return _switched(request, is_enabled=True)


def disable(request: Request) -> Response:
    """Disable a schedule. Runs that it started continue."""
    return _switched(request, is_enabled=False)


def delete(request: Request) -> Response:
    """Delete a schedule. Runs that it started continue."""
    site, name = site_of(request), request.path_params["name"]
    with _asking(site, name):
        deleted(site.session, name)
    return RedirectResponse(_ADDRESS, 303)


def _switched(request: Request, *, is_enabled: bool) -> Response:
    site, name = site_of(request), request.path_params["name"]
    with _asking(site, name):
        enabled(site.session, name, is_enabled=is_enabled)
    return RedirectResponse(f"{_ADDRESS}/{name}", 303)


def _asking(site: Site, name: str) -> Lock:
    """Return what is held while the service that keeps a schedule may be asked."""
    return site.asking_target(site.session.stack, Schedules(site.session.home).read(name).native)


def _steps(found: Schedule) -> list[tuple[str, str]]:
    """Return the steps of the schedule's pipeline and their targets; none where a service has it.

    Only names are read: what else a pipeline has may be secret.
    """
    pipeline: Document = found.work.get("pipeline") or {}
    return [(str(each["name"]), str(each["run"]["target"])) for each in pipeline.get("steps", ())]


def _row(history: History, found: Schedule) -> Row:
    last = None
    if found.last_run and history.has(found.last_run):
        last = history.record(found.last_run)
    return Row(found, trigger_text(found.trigger), last)
