"""The files that pages load: each at an address that names its content, which browsers keep."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

_OURS: Final = Path(__file__).parent / "static"
PLOTLY: Final = "plotly.js"
ADDRESS: Final = "/static/{content}/{name}"
_KEPT: Final = {"Cache-Control": "max-age=31536000, immutable"}
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_DIGITS: Final = 16


def plotly_file() -> Path:
    """Return the file of plotly.js, as the Python package ships it."""
    return Path(str(files("plotly"))) / "package_data" / "plotly.min.js"


@cache
def _known() -> dict[str, Path]:
    return {PLOTLY: plotly_file(), **{each.name: each for each in _OURS.iterdir()}}


@cache
def _content(name: str) -> str:
    return hashlib.sha256(_known()[name].read_bytes()).hexdigest()[:_DIGITS]


def asset(name: str) -> str:
    """Return the address of a file; another content has another address."""
    return f"/static/{_content(name)}/{quote(name)}"


def serve(request: Request) -> Response:
    """Send a file, at the address of its content only: a browser asks for it once."""
    name = request.path_params["name"]
    if name not in _known() or request.path_params["content"] != _content(name):
        return PlainTextResponse("There is no such file.\n", 404)
    file = _known()[name]
    return FileResponse(file, media_type=_TYPES[file.suffix], headers=_KEPT)
