"""The pages of runs: the table of all, one run and its files, several compared; and their forms."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from infra.contract.discovery import find_cloud
from infra.contract.errors import PlatformError
from infra.contract.json_text import json_text
from infra.contract.json_types import JsonObject
from runtime.agent.files import OutsideError
from runtime.history.listing import choices_in, page_of
from runtime.model.environments import LOCK_PROPERTY
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.pipelines.again import is_repeatable
from runtime.snapshots.store import object_file
from runtime.studio import files, query
from runtime.studio.addresses import quoted, visible
from runtime.studio.file_tree import tree_of
from runtime.studio.logged_view import logged_of
from runtime.studio.parts import parts_of
from runtime.studio.run_view import (
    Curve,
    curves_of,
    end_of,
    git_of,
    ranks_of,
    tags_of,
)
from runtime.studio.site import Site, site_of
from runtime.studio.step_view import bars_of, steps_of
from runtime.studio.terminal_text import plain, shown
from runtime.submit.comparing import compared, file_diff, known_of
from runtime.submit.run_logs import log_chunks
from runtime.targets.base import LogChunk
from runtime.targets.finding import ON_THIS_MACHINE

_MOST_COMPARED: Final = 100
_LOG_CHARACTERS: Final = 200_000
"""The end of a log that a page begins with; the rest of it is one link away."""

_POLICY: Final = "Content-Security-Policy"
# An SVG is a document, and a page of a run is anybody's: neither acts as one of the studio's.
_PICTURE: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_SANDBOX: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Log:
    """One log as a page begins with it.

    ``offset`` is where following goes on, in bytes, and ``up`` how many lines above the last one.
    """

    name: str
    text: str
    offset: int
    up: int
    cut: bool


def runs(request: Request) -> Response:
    """Show the table of runs."""
    site = site_of(request)
    site.fresh.keep()
    asked = query.read_query(request.query_params.multi_items())
    history = site.session.history
    page = page_of(history, asked.listing)
    if page.total and not page.runs:  # there were more once, or the address is somebody's guess
        asked = replace(asked, page=asked.pages(page.total))
        page = page_of(history, asked.listing)
    return site.page(
        request,
        "runs.html",
        query=asked,
        page=page,
        choices=query.without_system(choices_in(history)),
        states=[str(state) for state in RunState],
        headings=query.headings(asked),
        cell=query.cell,
        sizes=query.PAGE_SIZES,
    )


def run(request: Request) -> Response:
    """Show one run: what it is, how far it is, what it logged, wrote and was made from."""
    site, record = _asked(request)
    session = site.session
    numbered = session.history.events(record.run_id)
    events = [event for _, event in numbered]
    problems: list[str] = []
    known = known_of(session.home, record)
    steps, logs = steps_of(record, events), _logs(site, record, problems)
    stopped = bool(problems) and _is_stopped(site, record)
    tags, kept = tags_of(record)
    return site.page(
        request,
        "run.html",
        run=record,
        bars=bars_of(steps, record.state, site.kind_of(record), time.time()) if steps else (),
        logged=logged_of(events),
        curves=json_text(_documents(curves_of(record, events))),
        logs=logs,
        problems=[] if stopped else problems,
        stopped=stopped,
        ranks=ranks_of(log.name for log in logs),
        outputs=tree_of(files.listed(Path(record.outputs)) if record.outputs else []),
        tags=tags,
        kept_tags=kept,
        reruns=is_repeatable(session, record),
        parts=parts_of(session, record),
        git=git_of(record),
        lock=record.properties.get(LOCK_PROPERTY, ""),
        snapshot=None if known.files is None else tree_of((f.path, f.size) for f in known.files),
        packages=known.packages,
        declared=known.declared,
        after=numbered[-1][0] if numbered else -1,
    )


def log(request: Request) -> Response:
    """Return the whole of one log as text."""
    site, record = _asked(request)
    name = request.path_params["name"]
    chunks = [chunk for chunk in _chunks(site, record, []) if chunk.name == name]
    if not chunks:
        return missing(request, f"Run {record.run_id} has no log {name!r}.")
    return PlainTextResponse(plain("".join(chunk.text for chunk in chunks)))


def file(request: Request) -> Response:
    """Show a file of a run, or send it: ``?as=picture``, ``page`` (in a sandbox) or ``file``."""
    site, record = _asked(request)
    name, wanted = request.path_params["name"], request.query_params.get("as", "")
    folder = (
        Path(record.outputs) if record.outputs else site.session.home / "outputs" / record.run_id
    )
    try:
        found = files.file_of(folder, name)
        if not wanted:
            back = f"/runs/{record.run_id}"
            return _shown(request, record, f"{back}/files/{quoted(name)}", files.shown(found, name))
    except (OutsideError, FileNotFoundError):
        return missing(request, f"Run {record.run_id} has no file {name!r} on this machine.")
    return _sent(found, name, wanted)


def snapshot_file(request: Request) -> Response:
    """Show a file of the snapshot that a run was made from, or send it, as ``file`` does."""
    site, record = _asked(request)
    name, wanted = request.path_params["name"], request.query_params.get("as", "")
    listed = {each.path: each for each in known_of(site.session.home, record).files or ()}
    if name not in listed:
        return missing(request, f"The snapshot of run {record.run_id} has no file {name!r} here.")
    found = object_file(site.session.home / "snapshots" / "objects", listed[name].sha256)
    if not found.is_file():
        return missing(request, f"The content of {name!r} is not on this machine any more.")
    if not wanted:
        address = f"/runs/{record.run_id}/snapshot/{quoted(name)}"
        return _shown(request, record, address, files.shown(found, name))
    return _sent(found, name, wanted)


def _shown(request: Request, record: RunRecord, address: str, found: files.Shown) -> Response:
    return site_of(request).page(request, "file.html", run=record, file=found, address=address)


def _sent(found: Path, name: str, wanted: str) -> Response:
    """Return a file as what was asked for; an address that asks for nothing sane downloads it."""
    picture = files.PICTURES.get(Path(name).suffix.lower())
    if wanted == "picture" and picture:
        return FileResponse(found, media_type=picture, headers={_POLICY: _PICTURE})
    if wanted == "page":
        page = "text/html; charset=utf-8"
        return FileResponse(found, media_type=page, headers={_POLICY: _SANDBOX})
    return FileResponse(
        found, media_type="application/octet-stream", filename=visible(Path(name).name)
    )


def compare(request: Request) -> Response:
    """Show several runs beside each other; of two, also the difference of code and environment."""
    site = site_of(request)
    wanted = list(dict.fromkeys(request.query_params.getlist("run")))
    ids = wanted[:_MOST_COMPARED]  # more would not be told apart, and take a browser minutes
    history = site.session.history
    records = sorted((history.record(run_id) for run_id in ids), key=lambda r: r.created)
    curves = {
        record.run_id: curves_of(record, [event for _, event in history.events(record.run_id)])
        for record in records
    }
    both = compared(site.session.home, *records) if len(records) == _PAIR else None
    changes = both.files or () if both else ()
    return site.page(
        request,
        "compare.html",
        runs=records,
        left_out=len(wanted) - len(ids),
        params=_names(record.params for record in records),
        metrics=_names(record.metrics for record in records),
        both=both,
        changed=[(change, file_diff(site.session.home, change)) for change in changes],
        curves=json_text({run_id: _documents(found) for run_id, found in curves.items()}),
    )


def missing(request: Request, message: str) -> Response:
    """Return the page of an address that leads nowhere."""
    return site_of(request).page(request, "error.html", 404, title="Not found", message=message)


def _asked(request: Request) -> tuple[Site, RunRecord]:
    """Return the run of an address, as its target reports it. Raises ``UnknownNameError``."""
    site = site_of(request)
    site.fresh.keep()
    return site, site.session.history.record(request.path_params["run_id"])


def _chunks(site: Site, record: RunRecord, problems: list[str]) -> Sequence[LogChunk]:
    try:
        with site.asking(record):
            return log_chunks(site.session, record, {}, lambda error: problems.append(error.detail))
    except PlatformError as error:
        problems.append(error.detail)
        return []


def _is_stopped(site: Site, record: RunRecord) -> bool:
    """Return whether a run is on a local cloud that is stopped."""
    session = site.session
    if record.target in ON_THIS_MACHINE or record.stack not in {None, session.stack}:
        return False
    try:
        is_local = session.targets.built_here(record.target)
    except PlatformError:
        return False
    return is_local and find_cloud(session.home) is None


def _logs(site: Site, record: RunRecord, problems: list[str]) -> Sequence[Log]:
    texts: dict[str, str] = {}
    offsets: dict[str, int] = {}
    for chunk in _chunks(site, record, problems):
        texts[chunk.name] = texts.get(chunk.name, "") + chunk.text
        offsets[chunk.name] = chunk.offset
    found = []
    for name, raw in texts.items():
        part = shown(raw)
        offset = offsets[name] - len(part.held.encode())
        end = end_of(part.whole, _LOG_CHARACTERS)
        found.append(Log(name, end, offset, part.up, len(part.whole) > _LOG_CHARACTERS))
    return found


def _documents(curves: Sequence[Curve]) -> list[JsonObject]:
    return [curve.document() for curve in curves]


def _names(values: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({name for each in values for name in each})
