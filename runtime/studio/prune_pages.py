"""The page that deletes runs by age, state, number or size, after it has shown which."""

import hashlib
import time
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from runtime.history.listing import choices_in
from runtime.model.states import RunState
from runtime.studio.site import Site, site_of
from runtime.submit.pruning import Plan, Wanted, plan, prune

_DAY_S: Final = 86_400
_MIB: Final = 1 << 20
_MOST_SHOWN: Final = 500


def planned(request: Request) -> Response:
    """Show what the address would delete: ``experiment``, ``state``, ``days``, ``keep``, ``mib``.

    Nothing is deleted, and without any of them nothing would be.
    """
    site, given = site_of(request), dict(request.query_params)
    wanted = _wanted(given)
    return _page(request, given, None if wanted is None else _plan(site, wanted))


def delete(request: Request) -> Response:
    """Delete the runs that the page has shown; if they are others by now, show those."""
    site, given = site_of(request), request.state.form
    wanted = _wanted(given)
    if wanted is None:
        return _page(request, given, None)
    found = _plan(site, wanted)
    if given.get("shown") != _digest(found):
        return _page(request, given, found, notes=["Other runs match by now: look again."])
    notes: list[str] = []
    gone = prune(site.session.home, site.session.history, found, notes.append)
    count = f"{len(gone.runs)} run{'' if len(gone.runs) == 1 else 's'}"
    return _page(request, {}, None, done=f"Deleted {count}.", notes=notes)


def _page(
    request: Request,
    given: Mapping[str, str],
    found: Plan | None,
    *,
    done: str = "",
    notes: list[str] | None = None,
) -> Response:
    site = site_of(request)
    return site.page(
        request,
        "prune.html",
        given={key: given.get(key, "") for key in ("experiment", "state", "days", "keep", "mib")},
        experiments=choices_in(site.session.history).experiments,
        states=[str(state) for state in RunState if state.final],
        plan=found,
        runs=found.runs[:_MOST_SHOWN] if found else (),
        shown=_digest(found) if found else "",
        done=done,
        notes=notes or [],
    )


def _plan(site: Site, wanted: Wanted) -> Plan:
    return plan(site.session.home, site.session.history, wanted, now=time.time())


def _digest(found: Plan) -> str:
    """Return what tells the runs of a plan apart from others."""
    ids = "\n".join(run.record.run_id for run in found.runs)
    return hashlib.sha256(ids.encode()).hexdigest()


def _wanted(given: Mapping[str, str]) -> Wanted | None:
    """Return which runs are meant, ``None`` if nothing says so: then none are."""
    days, keep, mib = (_number(given.get(key, "")) for key in ("days", "keep", "mib"))
    experiment, state = given.get("experiment") or None, given.get("state", "")
    states = tuple(each for each in RunState if each.final and str(each) == state)
    if not (experiment or states or (days, keep, mib) != (None, None, None)):
        return None
    return Wanted(
        experiment,
        states,
        None if days is None else days * _DAY_S,
        keep or 0,
        None if mib is None else mib * _MIB,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
