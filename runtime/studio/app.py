"""The studio as an ASGI application: a table of addresses, and what becomes of an error."""

from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from infra.contract.errors import PlatformError, UnknownNameError
from runtime.studio import live, run_pages
from runtime.studio.guard import Guard
from runtime.studio.site import HERE, Site, plotly_file, site_of

_PAGES: Final[dict[str, Callable[[Request], Response]]] = {
    "/": run_pages.runs,
    "/live": live.table,
    "/compare": run_pages.compare,
    "/runs/{run_id}": run_pages.run,
    "/runs/{run_id}/live": live.run,
    "/runs/{run_id}/parts": run_pages.parts,
    "/runs/{run_id}/logs/{name:path}": run_pages.log,
    "/runs/{run_id}/files/{name:path}": run_pages.file,
}
_FORMS: Final[dict[str, Callable[[Request], Response]]] = {
    "/runs/{run_id}/cancel": run_pages.cancel,
    "/runs/{run_id}/tag": run_pages.tag,
    "/runs/{run_id}/download": run_pages.download,
}


def application(site: Site) -> ASGIApp:
    """Return the application of a studio."""
    app = Starlette(
        routes=[
            *(Route(path, page, methods=["GET"]) for path, page in _PAGES.items()),
            *(Route(path, form, methods=["POST"]) for path, form in _FORMS.items()),
            Route("/static/plotly.js", _plotly, methods=["GET"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={PlatformError: _refused, 404: _missing},
    )
    app.state.site = site
    return Guard(app, site.access)


def _plotly(_: Request) -> Response:
    return FileResponse(plotly_file(), media_type="text/javascript")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, PlatformError):
        raise error
    status = 404 if isinstance(error, UnknownNameError) else 400
    message = f"{error.detail} {error.remedy or ''}".strip()
    return site_of(request).page(
        request, "error.html", status, title=error.summary, message=message
    )


async def _missing(request: Request, _: Exception) -> Response:
    return run_pages.missing(request, "There is no page at this address.")
