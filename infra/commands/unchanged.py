"""Shows the result of a deployment again when nothing that it depended on has changed."""

from typing import Final

from infra.commands import view
from infra.commands.operation_name import TITLES, Name
from infra.contract.discovery import ensure_cloud
from infra.deploy.run.fingerprint import Basis, remembered

_REPEATED: Final = frozenset({"preview", "up"})


def shown_again(name: Name, known: Basis) -> bool:
    """Show that there are no changes; return whether that is known without running the program.

    Starts the local cloud of the stack if it is down, as a deployment does.
    """
    last = remembered(known) if name in _REPEATED else None
    if last is None:
        return False
    if last.cloud == "local" and ensure_cloud(known.project.home).id != last.cloud_id:
        return False
    view.say(f"{TITLES[name]} of stack {known.stack!r}: {last.line}")
    return True
