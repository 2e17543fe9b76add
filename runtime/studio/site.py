"""What every page of the studio shares: the project's session, the templates, who may change."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from infra.catalogue.compute_kinds import compute_kind, kind_name
from infra.contract.cloud_console import CloudConsole
from infra.contract.discovery import never_starting
from infra.contract.errors import PlatformError, apart
from infra.contract.json_text import json_text
from infra.contract.stack_console import StackConsole
from infra.contract.times import as_local, duration, local_text
from runtime.model.runs import RunRecord
from runtime.snapshots.sizes import size_text
from runtime.studio.access import Access
from runtime.studio.addresses import quoted, visible
from runtime.studio.advice import in_browser
from runtime.studio.labels import heading, label
from runtime.studio.static_files import asset, plotly_file
from runtime.studio.terminal_text import plain
from runtime.submit.session import ProjectSession
from runtime.targets.finding import ON_THIS_MACHINE
from runtime.targets.run_folder import RunFolder

_TEMPLATES: Final = Path(__file__).parent / "templates"
_EVERY_S: Final = 2.0
_DIGITS: Final = 8
_LONGEST: Final = 160
_AT_ID: Final = re.compile(r" at /subscriptions/[^\s:]+:")
_STYLE_ID: Final = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')
_OF_PLACES: Final = {
    "livy": "hdinsight",
    "ssh": "virtual_machine",
    "ssh-docker": "virtual_machine",
    "ssh-nodes": "virtual_machines",
}
"""Kind of the place that a run keeps → kind of its target, where that is another word."""
_CHANGED: Final = {
    "create": "created",
    "delete": "deleted",
    "replace": "replaced",
    "same": "unchanged",
    "update": "updated",
}


@dataclass(slots=True)
class Freshness:
    """Asks the targets how unfinished runs are, however many pages watch, every two seconds.

    No page waits for that: a target may not answer for long.
    """

    refresh: Callable[[], object]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: float = float("-inf")

    def keep(self) -> None:
        """Ask on a thread of its own, unless somebody just did or is doing so."""
        with self._lock:
            if self.clock() < self._next:
                return
            self._next = float("inf")
        threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        try:
            # The page that reads the same says what is wrong.
            with suppress(PlatformError), never_starting():
                self.refresh()
        finally:
            with self._lock:
                self._next = self.clock() + _EVERY_S


@dataclass(slots=True)
class Site:
    """One studio: what its pages read and show.

    ``session`` is for pages, ``background`` for ``fresh``: targets' clients are not shared.
    ``console`` returns the stack, and ``cloud`` the local cloud, or raise why there is none.
    """

    session: ProjectSession
    background: ProjectSession
    access: Access
    console: Callable[[], StackConsole]
    cloud: Callable[[], CloudConsole]
    fresh: Freshness = field(init=False)
    _asked: dict[tuple[str | None, str], threading.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fresh = Freshness(self.background.refresh)

    def asking(self, record: RunRecord) -> threading.Lock:
        """Return what is held while the target of a run is asked: its client serves one thread."""
        return self.asking_target(record.stack, record.target)

    def asking_target(self, stack: str | None, target: str) -> threading.Lock:
        """Return what is held while a target is asked."""
        return self._asked.setdefault((stack, target), threading.Lock())

    def kind_of(self, record: RunRecord) -> str:
        """Return the kind of the target of a run, ``""`` where nothing says it.

        The stack may have it no longer: then it is that of the place which the run keeps.
        """
        if record.target in ON_THIS_MACHINE or record.stack in {None, self.session.stack}:
            with suppress(PlatformError):
                return self.session.targets.kind(record.target)
        folder = RunFolder(self.session.home / "runs" / record.run_id)
        with suppress(OSError, ValueError, KeyError, TypeError):
            place = str(json.loads(folder.task_file.read_text(encoding="utf-8"))["place"]["kind"])
            return _OF_PLACES.get(place, place)
        return ""

    def page(
        self, request: Request, template: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page made from a template."""
        return HTMLResponse(self.text(request, template, **values), status)

    def text(self, request: Request, template: str, **values: object) -> str:
        """Return what a template makes of values."""
        made = (
            _templates()
            .get_template(template)
            .render(
                values,
                stack=self.session.stack,
                form_token=request.state.form_token,
                may_change=not self.access.read_only,
                path=request.url.path,
            )
        )
        return visible(made)


def site_of(request: Request) -> Site:
    """Return the studio that a request is for."""
    site: Site = request.app.state.site
    return site


@lru_cache(maxsize=1)
def plotly_style() -> str:
    """Return the id of an element that plotly.js makes to hold styles of maps, unless it is there.

    The policy refuses these styles, which nothing here needs.
    """
    found = _STYLE_ID.search(plotly_file().read_bytes())
    return found[1].decode() if found else ""


def _brief(text: str) -> str:
    """Return a number of many digits as a table shows it; any other text as it is."""
    try:
        return f"{float(text):g}" if len(text) > _DIGITS else text
    except ValueError:
        return text


def _kind(kind: str) -> str:
    """Return what people call a kind of compute, in the stack file's word or the service's."""
    return kind_name(compute_kind(kind) or kind)


def _reason(message: str) -> str:
    """Return why something failed in a line, without the id of what it happened to."""
    first = _AT_ID.sub(":", message.partition("\n")[0])
    return first if len(first) <= _LONGEST else f"{first[:_LONGEST].rstrip()}…"


def digest(text: str) -> str:
    """Return what tells one text of a part of a page from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_FILTERS: Final[dict[str, Callable[..., object]]] = {
    "local": local_text,
    "when": lambda moment: local_text(moment.timestamp()) if moment else "—",
    "duration": duration,
    "number": lambda value: f"{value:g}",
    "moment": lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat(),
    "bytes": size_text,
    "brief": _brief,
    "as_local": as_local,
    "usd": lambda price: "—" if price is None else f"{price:.2f} USD",
    "words": lambda text: text.replace("_", " "),
    "label": label,
    "heading": heading,
    "kind": _kind,
    "reason": _reason,
    "in_browser": in_browser,
    "plain": plain,
    "apart": apart,
    "changed": lambda name: _CHANGED.get(name, name.replace("-", " ")),
    "json": json_text,
    "digest": digest,
    "urlencode": lambda text: quoted(str(text)),
}


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= _FILTERS
    templates.globals |= {"plotly_style": plotly_style, "asset": asset}
    return templates
