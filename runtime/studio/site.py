"""What every page of the studio shares: the project's session, the templates, who may change."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from infra.contract.times import duration, local_text
from runtime.model.runs import RunRecord
from runtime.snapshots.sizes import size_text
from runtime.studio.access import Access
from runtime.submit.session import ProjectSession

HERE: Final = Path(__file__).parent
_EVERY_S: Final = 2.0


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
            self.refresh()
        finally:
            with self._lock:
                self._next = self.clock() + _EVERY_S


@dataclass(slots=True)
class Site:
    """One studio: what its pages read and show.

    ``session`` is for pages, ``background`` for ``fresh``: targets' clients are not shared.
    """

    session: ProjectSession
    background: ProjectSession
    access: Access
    fresh: Freshness = field(init=False)
    _asked: dict[tuple[str | None, str], threading.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fresh = Freshness(self.background.refresh)

    def asking(self, record: RunRecord) -> threading.Lock:
        """Return what is held while the target of a run is asked: its client serves one thread."""
        return self._asked.setdefault((record.stack, record.target), threading.Lock())

    def page(
        self, request: Request, template: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page made from a template."""
        text = (
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
        return HTMLResponse(text, status)


def site_of(request: Request) -> Site:
    """Return the studio that a request is for."""
    site: Site = request.app.state.site
    return site


def plotly_file() -> Path:
    """Return the file of plotly.js, as the Python package ships it."""
    return Path(str(files("plotly"))) / "package_data" / "plotly.min.js"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "local": local_text,
        "duration": duration,
        "number": lambda value: f"{value:g}",
        "moment": lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat(),
        "bytes": size_text,
    }
    return templates
