"""The two tables of the cloud: its ARM kinds and its other routes. A new module is a line here."""

from typing import Final

from localcloud.calls.kinds import Kind
from localcloud.calls.routes import Route

KINDS: Final[tuple[Kind, ...]] = ()

ROUTES: Final[tuple[Route, ...]] = ()
