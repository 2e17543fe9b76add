"""What happens, as server-sent events: to a table of runs, to one run, to a part of a page.

Source of the format: "Server-sent events" in the HTML standard.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final
from urllib.parse import parse_qsl, urlencode

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from infra.contract.errors import PlatformError, UnknownNameError
from infra.contract.times import duration
from runtime.history.child_runs import PARENT
from runtime.history.fold import as_text
from runtime.history.store import Filter, History
from runtime.model.runs import RunEvent, RunRecord
from runtime.studio.addresses import visible
from runtime.studio.parts import parts_of
from runtime.studio.run_view import point_of
from runtime.studio.site import Site, digest, site_of
from runtime.studio.step_view import Bar, bars_of, steps_of
from runtime.studio.terminal_text import shown
from runtime.submit.run_logs import log_chunks
from runtime.submit.watch import BUILD_LOGS

_PAUSE_S: Final = 0.5
_PART_S: Final = 1.0
"""How often a part of a page is made again while somebody looks at it."""
_BARS_S: Final = 1.0
"""How often the time line of a run is told while nothing happens but time."""
_MOST_RUNS: Final = 200
_OF_STEPS: Final = ("step", "state")
"""The events that the time line of a run is made of."""


def table(request: Request) -> Response:
    """Tell the states of the runs of a table until its reader leaves: ``?run=…`` for each.

    Also tells, once, that there are runs that were submitted since.
    """
    site = site_of(request)
    ids = request.query_params.getlist("run")[:_MOST_RUNS]
    shown: dict[str, object] = {}
    seen = Newest(site.session.history)

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
        if seen.has_more():
            found.append(_event("more", {}))
        return found

    return _stream(request, news, lambda: False)


def run(request: Request) -> Response:
    """Tell what happens to a run until it ends, from event ``after`` and the logs' offsets on."""
    site = site_of(request)

    def time_line(bars: Sequence[Bar]) -> str:
        return site.text(request, "steps.html", bars=bars)

    asked = request.query_params.multi_items()
    if place := request.headers.get("last-event-id", ""):  # a browser that lost its connection
        asked = parse_qsl(place, errors="surrogateescape")
    follower = RunFollower(site, request.path_params["run_id"], asked, time_line)
    return _stream(request, follower.news, lambda: follower.ended)


def run_parts(request: Request) -> Response:
    """Tell what the runs below a run come to, until it ends."""
    site, run_id = site_of(request), request.path_params["run_id"]

    def made() -> Part:
        site.fresh.keep()
        record = site.session.history.record(run_id)
        values = {"run": record, "parts": parts_of(site.session, record)}
        return Part("parts.html", values, record.state.final)

    return part(request, made)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page: its template and values; nothing happens to one that is final."""

    template: str
    values: Mapping[str, object]
    final: bool = False


def part(request: Request, made: Callable[[], Part]) -> Response:
    """Tell how a part of a page looks, whenever that differs from what ``?shown=`` is of."""
    site = site_of(request)
    shown, ended = request.query_params.get("shown", ""), False

    def news() -> list[str]:
        nonlocal shown, ended
        try:
            found = made()
        except PlatformError:
            return []  # asked again in a moment
        text = site.text(request, found.template, **found.values).strip()
        ended = found.final
        if digest(text) == shown and not ended:
            return []
        shown = digest(text)
        return [_event("part", {"html": text, "shown": shown, "final": ended})]

    return _stream(request, news, lambda: ended, _PART_S)


class Newest:
    """The newest run when a table was made; parts of sweeps and pipelines do not count."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known = self._newest()
        self._told = False

    def has_more(self) -> bool:
        """Return whether a run was submitted since; ``True`` once."""
        if self._told:
            return False
        newer = takewhile(lambda run: run.run_id != self._known, self._history.each_run(Filter()))
        self._told = any(PARENT not in run.properties for run in islice(newer, _MOST_RUNS))
        if not self._told:
            self._known = self._newest()
        return self._told

    def _newest(self) -> str:
        return next((run.run_id for run in self._history.each_run(Filter())), "")


class RunFollower:
    """What one reader was told of a run.

    ``asked``: ``after``, and of each log the offset, ``log:NAME``, and how many lines above its
    last one the next part is written, ``up:NAME``. ``news`` tells it, for readers that come again.
    """

    def __init__(
        self,
        site: Site,
        run_id: str,
        asked: Sequence[tuple[str, str]],
        time_line: Callable[[Sequence[Bar]], str],
    ) -> None:
        self.ended = False
        self._site = site
        self._run_id = run_id
        self._time_line = time_line
        self._steps = [
            event for _, event in site.session.history.events(run_id) if event.kind in _OF_STEPS
        ]
        self._told_bars = 0.0
        given = {key: int(value) for key, value in asked if value.lstrip("-").isdigit()}
        self._after = given.pop("after", -1)
        self._offsets = _of_logs(given, "log:")
        self._up = _of_logs(given, "up:")
        self._state = ""

    def news(self) -> list[str]:
        """Return the events since the last call, as text. What a log has comes before the end."""
        self._site.fresh.keep()
        history = self._site.session.history
        record = history.record(self._run_id)
        events = history.events(self._run_id, after=self._after)
        if any(_begins_again(event) for _, event in events):
            self._forget_logs()
        found = self._log_news(record)
        begun = [event for _, event in events if event.kind in _OF_STEPS]
        known = {event.seq for event in self._steps}
        self._steps += [event for event in begun if event.seq not in known]
        for number, event in events:
            self._after = number
            found += _told(record, event)
        found += self._bars(record, at_once=bool(begun))
        if str(record.state) != self._state:
            self._state = str(record.state)
            found.append(_event("state", _row(record)))
        if record.state.final:
            self.ended = True
            found.append(_event("end", _row(record)))
        return [*found, self._place()] if found else []

    def _place(self) -> str:
        """Return how far the reader is as an event, whose id a browser gives when it reconnects."""
        offsets = [(f"log:{name}", offset) for name, offset in self._offsets.items()]
        up = [(f"up:{name}", lines) for name, lines in self._up.items() if lines]
        places = [("after", self._after), *offsets, *up]
        place = urlencode(places, errors="surrogateescape")  # names are of any bytes
        return f"id: {place}\n{_event('place', place)}"

    def _bars(self, record: RunRecord, *, at_once: bool) -> list[str]:
        now = time.time()
        if not self._steps or not (at_once or now - self._told_bars >= _BARS_S):
            return []
        self._told_bars = now
        steps, kind = steps_of(record, self._steps), self._site.kind_of(record)
        if not steps:
            return []
        bars = bars_of(steps, record.state, kind, now)
        return [_event("steps", {"html": self._time_line(bars)})]

    def _forget_logs(self) -> None:
        """Read logs anew, but those of builds: each attempt writes its own."""
        for places in (self._offsets, self._up):
            for name in [each for each in places if not each.startswith(BUILD_LOGS)]:
                del places[name]

    def _log_news(self, record: RunRecord) -> list[str]:
        try:
            with self._site.asking(record):
                chunks = log_chunks(self._site.session, record, self._offsets, lambda _: None)
        except PlatformError:
            return []  # asked again in a moment
        found = []
        for chunk in chunks:
            begins = not self._offsets.get(chunk.name)
            part = shown(chunk.text, None if begins else self._up.get(chunk.name, 0))
            self._offsets[chunk.name] = chunk.offset - len(part.held.encode())
            self._up[chunk.name] = part.up
            if part.text or part.over:
                told = {"name": visible(chunk.name), "text": part.text, "over": part.over}
                found.append(_event("log", {**told, "begins": begins}))
        return found


def _begins_again(event: RunEvent) -> bool:
    return event.kind == "state" and bool(event.data.get("attempt") and not event.data.get("run"))


def _of_logs(given: Mapping[str, int], kind: str) -> dict[str, int]:
    return {
        key.removeprefix(kind): max(value, 0)
        for key, value in given.items()
        if key.startswith(kind)
    }


def _told(record: RunRecord, event: RunEvent) -> list[str]:
    data = event.data
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


def _stream(
    request: Request,
    news: Callable[[], list[str]],
    ended: Callable[[], bool],
    pause_s: float = _PAUSE_S,
) -> Response:
    async def told() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        while not (ended() or await request.is_disconnected()):
            # As one text: each write to a reader that is gone is a warning of asyncio's.
            if found := await run_in_threadpool(news):
                yield "".join(found)
            if not ended():
                await anyio.sleep(pause_s)

    return StreamingResponse(told(), media_type="text/event-stream")
