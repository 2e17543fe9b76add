"""The pages of runs: the table of all, one run and its files, several compared; and their forms."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from infra.contract.errors import PlatformError
from infra.contract.json_text import json_text
from infra.contract.json_types import JsonObject
from runtime.agent.files import OutsideError
from runtime.history.listing import choices_in, page_of
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.studio import files, query
from runtime.studio.parts import parts_of
from runtime.studio.run_view import Curve, curves_of, steps_of
from runtime.studio.site import Site, site_of
from runtime.submit.collect import collect
from runtime.submit.comparing import compared, file_diff, known_of
from runtime.submit.notes import note
from runtime.submit.run_logs import log_chunks
from runtime.submit.watch import Watcher
from runtime.targets.base import LogChunk

_MOST_COMPARED: Final = 20
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
    """One log as a page begins with it. ``offset`` is where following goes on, in bytes."""

    name: str
    text: str
    offset: int
    cut: bool


def runs(request: Request) -> Response:
    """Show the table of runs."""
    site = site_of(request)
    site.fresh.keep()
    asked = query.read_query(request.query_params.multi_items())
    history = site.session.history
    return site.page(
        request,
        "runs.html",
        query=asked,
        page=page_of(history, asked.listing),
        choices=choices_in(history),
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
    return site.page(
        request,
        "run.html",
        run=record,
        steps=steps_of(record, events),
        curves=json_text(_documents(curves_of(record, events))),
        logs=_logs(site, record, problems),
        problems=problems,
        outputs=files.listed(Path(record.outputs)) if record.outputs else [],
        parts=parts_of(session, record),
        snapshot=known.files,
        packages=known.packages,
        declared=known.declared,
        after=numbered[-1][0] if numbered else -1,
    )


def parts(request: Request) -> Response:
    """Return what the page of a run shows of the runs below it, as it is now."""
    site, record = _asked(request)
    return site.page(request, "parts.html", run=record, parts=parts_of(site.session, record))


def log(request: Request) -> Response:
    """Return the whole of one log as text."""
    site, record = _asked(request)
    name = request.path_params["name"]
    chunks = [chunk for chunk in _chunks(site, record, []) if chunk.name == name]
    if not chunks:
        return missing(request, f"Run {record.run_id} has no log {name!r}.")
    return PlainTextResponse("".join(chunk.text for chunk in chunks))


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
            return site.page(request, "file.html", run=record, file=files.shown(folder, name))
    except (OutsideError, FileNotFoundError):
        return missing(request, f"Run {record.run_id} has no file {name!r} on this machine.")
    picture = files.PICTURES.get(found.suffix.lower())
    if wanted == "picture" and picture:
        return FileResponse(found, media_type=picture, headers={_POLICY: _PICTURE})
    if wanted == "page":
        page = "text/html; charset=utf-8"
        return FileResponse(found, media_type=page, headers={_POLICY: _SANDBOX})
    return FileResponse(found, media_type="application/octet-stream", filename=found.name)


def compare(request: Request) -> Response:
    """Show several runs beside each other; of two, also the difference of code and environment."""
    site = site_of(request)
    ids = list(dict.fromkeys(request.query_params.getlist("run")))[:_MOST_COMPARED]
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
        params=_names(record.params for record in records),
        metrics=_names(record.metrics for record in records),
        both=both,
        changed=[(change, file_diff(site.session.home, change)) for change in changes],
        curves=json_text({run_id: _documents(found) for run_id, found in curves.items()}),
    )


def cancel(request: Request) -> Response:
    """Cancel a run."""
    site, record = _asked(request)
    if not record.state.final:
        with site.asking(record):
            site.session.target_of(record).cancel(site.session.handle_of(record))
            Watcher(site.session.history).refresh(site.session.targets_of(record))
    return _back(record)


def tag(request: Request) -> Response:
    """Set a tag, or remove it if its value is empty."""
    site, record = _asked(request)
    form = request.state.form
    if name := form.get("name", "").strip():
        value = form.get("value", "").strip() or None
        data = {"key": name, "value": value}
        note(site.session.history, record.run_id, "tag", data, time_s=time.time())
    return _back(record)


def download(request: Request) -> Response:
    """Copy the files of a run that has ended to this machine."""
    site, record = _asked(request)
    session = site.session
    with site.asking(record):
        target = session.target_of(record)
        collect(session.history, target, record.run_id, session.home, report=lambda _: None)
    return _back(record)


def missing(request: Request, message: str) -> Response:
    """Return the page of an address that leads nowhere."""
    return site_of(request).page(request, "error.html", 404, title="Not found", message=message)


def _asked(request: Request) -> tuple[Site, RunRecord]:
    """Return the run of an address, as its target reports it. Raises ``UnknownNameError``."""
    site = site_of(request)
    site.fresh.keep()
    return site, site.session.history.record(request.path_params["run_id"])


def _back(record: RunRecord) -> Response:
    return RedirectResponse(f"/runs/{record.run_id}", 303)


def _chunks(site: Site, record: RunRecord, problems: list[str]) -> Sequence[LogChunk]:
    try:
        with site.asking(record):
            return log_chunks(site.session, record, {}, lambda error: problems.append(error.detail))
    except PlatformError as error:
        problems.append(error.detail)
        return []


def _logs(site: Site, record: RunRecord, problems: list[str]) -> Sequence[Log]:
    texts: dict[str, str] = {}
    offsets: dict[str, int] = {}
    for chunk in _chunks(site, record, problems):
        texts[chunk.name] = texts.get(chunk.name, "") + chunk.text
        offsets[chunk.name] = chunk.offset
    return [
        Log(name, text[-_LOG_CHARACTERS:], offsets[name], len(text) > _LOG_CHARACTERS)
        for name, text in texts.items()
    ]


def _documents(curves: Sequence[Curve]) -> list[JsonObject]:
    return [curve.document() for curve in curves]


def _names(values: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({name for each in values for name in each})
