"""The page of the project's local cloud: what it holds and does, and the faults it injects."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.contract.cloud_console import CloudConsole
from infra.contract.errors import UsageError
from infra.contract.load import look_up
from runtime.studio.live import Part, part
from runtime.studio.site import site_of

Form = Mapping[str, str]
_NUMBERS: Final = {
    "calls": "the number of calls to refuse",
    "retry_after_s": "the number of seconds after which calls are repeated",
    "seconds": "the number of seconds that operations take",
    "times": "the number of times to fail",
}
_OWN: Final = re.compile(r"/(?![/\\])[!-~]*\Z")
"""An address below this studio's: two slashes begin the name of another host."""


def cloud(request: Request) -> Response:
    """Show the local cloud."""
    site = site_of(request)
    return site.page(request, "cloud.html", cloud=site.cloud().facts())


def cloud_live(request: Request) -> Response:
    """Tell what the page shows of the local cloud, whenever it differs."""
    site = site_of(request)
    return part(request, lambda: Part("cloud_now.html", {"cloud": site.cloud().facts()}))


def act(request: Request) -> Response:
    """Do what a form of the page asks for."""
    does = look_up(request.path_params["action"], _ACTIONS, noun="action")
    does(site_of(request).cloud(), request.state.form)
    back = request.state.form.get("back", "")
    return RedirectResponse(back if _OWN.match(back) else "/cloud", 303)


def _number(form: Form, key: str, most: float) -> float:
    text = form.get(key, "").strip()
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= most:
        what = f"{text!r} is not {_NUMBERS[key]}." if text else f"{_NUMBERS[key]} is missing."
        raise UsageError(what[:1].upper() + what[1:], remedy=f"Enter a number from 0 to {most:g}.")
    return found


def _throttle(cloud: CloudConsole, form: Form) -> None:
    calls, after = _number(form, "calls", 10_000), _number(form, "retry_after_s", 3600)
    cloud.throttle(int(calls), int(after))


def _slow(cloud: CloudConsole, form: Form) -> None:
    cloud.slow(form.get("type", "").strip(), _number(form, "seconds", 86_400))


def _fail(cloud: CloudConsole, form: Form) -> None:
    times = int(_number(form, "times", 10_000))
    cloud.fail(form.get("type", "").strip(), form.get("name", "").strip(), times)


_ACTIONS: Final[Mapping[str, Callable[[CloudConsole, Form], object]]] = {
    "start": lambda cloud, _: cloud.start(),
    "stop": lambda cloud, _: cloud.stop(),
    "throttle": _throttle,
    "slow": _slow,
    "fail": _fail,
    "clear": lambda cloud, _: cloud.clear_faults(),
    "evict": lambda cloud, form: cloud.evict(form.get("compute", "")),
}
