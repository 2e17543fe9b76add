"""What the forms on the page of a run do: cancel, tag, download, submit again, delete."""

import time

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.contract.errors import UsageError
from runtime.model.runs import RunRecord
from runtime.pipelines.again import submit_again
from runtime.snapshots.garbage import Garbage
from runtime.studio.site import Site, site_of
from runtime.submit.collect import collect
from runtime.submit.notes import note, silent
from runtime.submit.pruning import Plan, held_by, prune
from runtime.submit.rerun import RerunOptions
from runtime.submit.watch import Watcher


def cancel(request: Request) -> Response:
    """Cancel a run."""
    site, record = _asked(request)
    if not record.state.final:
        with site.asking(record):
            site.session.target_of(record).cancel(site.session.handle_of(record))
            Watcher(site.session.history).refresh(site.session.targets_of(record))
    return _back(record.run_id)


def tag(request: Request) -> Response:
    """Set a tag, or remove it if its value is empty."""
    site, record = _asked(request)
    form = request.state.form
    if name := form.get("name", "").strip():
        value = form.get("value", "").strip() or None
        data = {"key": name, "value": value}
        note(site.session.history, record.run_id, "tag", data, time_s=time.time())
    return _back(record.run_id)


def download(request: Request) -> Response:
    """Copy the files of a run that has ended to this machine."""
    site, record = _asked(request)
    session = site.session
    with site.asking(record):
        target = session.target_of(record)
        collect(session.history, target, record.run_id, session.home, report=silent)
    return _back(record.run_id)


def rerun(request: Request) -> Response:
    """Submit a run again, with the versions that ran; ``fresh``: with versions of today."""
    site, record = _asked(request)
    options = RerunOptions(fresh=bool(request.state.form.get("fresh")))
    with site.asking(record):
        return _back(submit_again(site.session, record, options))


def delete(request: Request) -> Response:
    """Delete a run that has ended, with all that this machine has of it."""
    site, record = _asked(request)
    session = site.session
    if not record.state.final:
        raise UsageError(f"Run {record.run_id} has not ended.", remedy="Cancel it first.")
    notes: list[str] = []
    planned = Plan((held_by(session.home, record),), Garbage((), (), 0))
    if not prune(session.home, session.history, planned, notes.append).runs:
        raise UsageError("; ".join(notes), remedy="Try again in a moment.")
    return RedirectResponse("/", 303)


def _asked(request: Request) -> tuple[Site, RunRecord]:
    site = site_of(request)
    return site, site.session.history.record(request.path_params["run_id"])


def _back(run_id: str) -> Response:
    return RedirectResponse(f"/runs/{run_id}", 303)
