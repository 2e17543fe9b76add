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
from runtime.snapshots.sizes import size_text
from runtime.studio.access import Access
from runtime.submit.session import ProjectSession

HERE: Final = Path(__file__).parent
_EVERY_S: Final = 2.0


@dataclass(slots=True)
class Freshness:
    """Asks the targets how unfinished runs are, however many pages watch, every two seconds."""

    refresh: Callable[[], object]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float = float("-inf")

    def keep(self) -> None:
        """Ask, unless somebody just did or is doing so. A target that fails is asked again."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self.clock() - self._last >= _EVERY_S:
                self.refresh()
                self._last = self.clock()
        finally:
            self._lock.release()


@dataclass(slots=True)
class Site:
    """One studio: what its pages read and show."""

    session: ProjectSession
    access: Access
    fresh: Freshness = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever asks a target: their clients are used by one thread at a time."""

    def __post_init__(self) -> None:
        self.fresh = Freshness(self._refresh)

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

    def _refresh(self) -> None:
        with self.lock:
            self.session.refresh()


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
