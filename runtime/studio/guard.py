"""The gate of the studio: checks hosts, sessions, origins and forms before any page."""

from contextlib import nullcontext
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.contract.discovery import never_starting
from runtime.studio.access import Access
from runtime.studio.addresses import unquoted

ENTRANCE: Final = "/enter"
LINKS: Final = "/links"
_MOST_BYTES: Final = 64 * 1024
_SAFE: Final = frozenset({"GET", "HEAD"})
# The hash of no text: plotly.js adds an empty style element, and its rules to that one by one.
_EMPTY: Final = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
# Nothing runs and nothing is loaded but what the studio serves itself, as a file.
POLICY: Final = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_EMPTY}; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: forms would be sent with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CLOSED: Final = "Open the link that `aml studio` prints: it begins a session in this browser.\n"
_USED: Final = (
    "This link was used already, or is not one of this studio's. `aml studio` prints another.\n"
)


class Guard:
    """An ASGI application around the pages: what it refuses never reaches them.

    A page finds the fields of a form in ``request.state.form``, the session's form token in
    ``request.state.form_token``.
    """

    def __init__(self, pages: ASGIApp, access: Access) -> None:
        self._pages = pages
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        scope = {**scope, "path": unquoted(scope["raw_path"])}
        request = Request(scope, receive)
        answer = await self._answer(request)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers.setdefault("Cache-Control", "no-store")
                headers.update(_HEADERS)
            await send(message)

        with never_starting() if request.method in _SAFE else nullcontext():
            await (answer or self._pages)(scope, receive, send_guarded)

    async def _answer(self, request: Request) -> Response | None:
        """Return the answer to what is no page, or is refused; ``None``: let it pass."""
        path, access = request.url.path, self._access
        if elsewhere := self._elsewhere(request):
            return elsewhere
        if path == LINKS and request.method == "POST":
            return self._link(request)
        if path == ENTRANCE and request.method == "GET":
            return self._enter(request)
        session = request.cookies.get(self._cookie(request), "")
        if not access.knows(session):
            return PlainTextResponse(_CLOSED, 403)
        request.state.form_token = access.form_token(session)
        request.state.form = {}
        if request.method in _SAFE:
            return None
        return await self._refused_form(request, session)

    def _elsewhere(self, request: Request) -> Response | None:
        """Return the answer to an address that no page can have."""
        if request.headers.get("host", "").lower() not in self._access.hosts:
            return PlainTextResponse("The studio does not answer to this host name.\n", 421)
        if "\0" in request.url.path:  # no file system takes it in a name
            return PlainTextResponse("There is no page at this address.\n", 404)
        return None

    async def _refused_form(self, request: Request, session: str) -> Response | None:
        if self._access.read_only:
            return PlainTextResponse("This studio is read-only.\n", 403)
        if request.headers.get("origin") != f"{request.url.scheme}://{request.headers['host']}":
            return PlainTextResponse("This form is not one of the studio's pages.\n", 403)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                return PlainTextResponse("This form is too large.\n", 413)
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if not self._access.accepts(session, fields.pop("form_token", "")):
            return PlainTextResponse("This form is out of date: load its page again.\n", 403)
        request.state.form = fields
        return None

    def _enter(self, request: Request) -> Response:
        session = self._access.begin(request.query_params.get("token", ""))
        if session is None:
            return PlainTextResponse(_USED, 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie(request), session, httponly=True, samesite="strict")
        return answer

    def _link(self, request: Request) -> Response:
        """Answer `aml studio` of the same user, who may read the key, with another link."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self._access.has_key(key):
            return PlainTextResponse("", 403)
        return PlainTextResponse(self._access.new_link())

    def _cookie(self, request: Request) -> str:
        # Cookies do not know ports: each studio of this machine needs a name of its own.
        return f"aml-studio-{request.url.port or 80}"
