"""What happens, as server-sent events: to the runs of a table, and to one run with its logs.

Source of the format: "Server-sent events" in the HTML standard.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from infra.contract.errors import PlatformError, UnknownNameError
from infra.contract.times import duration
from runtime.history.fold import as_text
from runtime.model.runs import RunEvent, RunRecord
from runtime.studio.run_view import point_of
from runtime.studio.site import Site, site_of
from runtime.submit.run_logs import log_chunks

_PAUSE_S: Final = 0.5
_MOST_RUNS: Final = 200


def table(request: Request) -> Response:
    """Tell the states of the runs of a table until its reader leaves: ``?run=…`` for each."""
    site = site_of(request)
    ids = request.query_params.getlist("run")[:_MOST_RUNS]
    shown: dict[str, object] = {}

    def news() -> list[str]:
        site.fresh.keep()
        found = []
        for run_id in ids:
            try:
                row = _row(site.session.history.record(run_id))
            except UnknownNameError:
                row = {"run": run_id, "gone": True}
            if shown.get(run_id) != row:
                shown[run_id] = row
                found.append(_event("row", row))
        return found

    return _stream(request, news, lambda: False)


def run(request: Request) -> Response:
    """Tell what happens to a run until it ends, from event ``after`` and the logs' offsets on."""
    follower = RunFollower(
        site_of(request), request.path_params["run_id"], request.query_params.multi_items()
    )
    return _stream(request, follower.news, lambda: follower.ended)


class RunFollower:
    """What one reader was told of a run. ``asked``: ``after``, and ``log:NAME`` with an offset."""

    def __init__(self, site: Site, run_id: str, asked: Sequence[tuple[str, str]]) -> None:
        self.ended = False
        self._site = site
        self._run_id = run_id
        given = {key: int(value) for key, value in asked if value.lstrip("-").isdigit()}
        self._after = given.pop("after", -1)
        self._offsets = {key.removeprefix("log:"): value for key, value in given.items()}
        self._state = ""

    def news(self) -> list[str]:
        """Return the events since the last call, as text. What a log has comes before the end."""
        self._site.fresh.keep()
        history = self._site.session.history
        record = history.record(self._run_id)
        events = history.events(self._run_id, after=self._after)
        found = self._log_news(record)
        for number, event in events:
            self._after = number
            found += _told(record, event)
        if str(record.state) != self._state:
            self._state = str(record.state)
            found.append(_event("state", _row(record)))
        if record.state.final:
            self.ended = True
            found.append(_event("end", _row(record)))
        return found

    def _log_news(self, record: RunRecord) -> list[str]:
        try:
            with self._site.asking(record):
                chunks = log_chunks(self._site.session, record, self._offsets, lambda _: None)
        except PlatformError:
            return []  # asked again in a moment
        self._offsets |= {chunk.name: chunk.offset for chunk in chunks}
        return [_event("log", {"name": chunk.name, "text": chunk.text}) for chunk in chunks]


def _told(record: RunRecord, event: RunEvent) -> list[str]:
    data = event.data
    if event.kind == "step":
        return [_event("step", {"step": data["step"], "text": data.get("text") or ""})]
    point = point_of(record, event)
    if point is None:
        return []
    step, seconds, value = point
    name = str(data["key"])
    told = {"name": name, "step": step, "seconds": seconds, "value": as_text(value)}
    return [_event("metric", told)]


def _row(record: RunRecord) -> dict[str, object]:
    end = record.ended
    return {
        "run": record.run_id,
        "state": str(record.state),
        "duration": duration(None if end is None else end - record.created),
        "metrics": {name: as_text(value) for name, value in record.metrics.items()},
        "error": record.error or "",
    }


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _stream(request: Request, news: Callable[[], list[str]], ended: Callable[[], bool]) -> Response:
    async def told() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        while not (ended() or await request.is_disconnected()):
            for each in await run_in_threadpool(news):
                yield each
            if not ended():
                await anyio.sleep(_PAUSE_S)

    return StreamingResponse(told(), media_type="text/event-stream")
