"""`aml status`: the stack, the local cloud, the runs, and what `.aml` holds."""

from collections import Counter
from pathlib import Path
from typing import Final

import click

from infra.contract.discovery import find_cloud
from infra.contract.json_types import JsonObject
from infra.contract.project import manifest_file
from runtime.cli.render import print_json, print_table, say_outdated
from runtime.cli.session import command_session
from runtime.history.store import Filter
from runtime.snapshots.sizes import size_text
from runtime.submit.pruning import size_of
from runtime.submit.session import ProjectSession

_KINDS: Final = {
    "runs": "folders of runs on this machine",
    "outputs": "collected outputs and logs",
    "snapshots": "contents of source folders",
    "environments": "built environments",
    "history.sqlite": "history of runs",
    "specs": "what runs were submitted with",
    "locks": "versions that environments had",
    "cloud": "local cloud: resources, blobs, nodes",
    "state": "state of deployments",
    "manifests": "targets of deployed stacks",
}
_OF_THE_HISTORY: Final = ("history.sqlite-wal", "history.sqlite-shm")
_OTHER: Final = "other"


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(stack: str | None, *, as_json: bool) -> None:
    """Show the stack, the local cloud, the runs, and what .aml holds by kind and size."""
    session = command_session(stack)
    for error in session.refresh():
        say_outdated(error)
    found = _status(session)
    if as_json:
        print_json(found)
        return
    _print(found)


def _status(session: ProjectSession) -> JsonObject:
    cloud = find_cloud(session.home)
    states = Counter(str(record.state) for record in session.history.each_run(Filter()))
    kinds = held(session.home)
    return {
        "home": str(session.home),
        "stack": session.stack,
        "deployed": manifest_file(session.home, session.stack).is_file(),
        "cloud": {"running": cloud is not None, "url": cloud.url if cloud else None},
        "runs": {"total": states.total(), **dict(sorted(states.items()))},
        "bytes": {**kinds, "total": sum(kinds.values())},
    }


def held(home: Path) -> dict[str, int]:
    """Return the bytes of each kind of thing that a ``.aml`` folder holds, and of all others."""
    sizes: Counter[str] = Counter()
    for place in home.iterdir() if home.is_dir() else ():
        name = "history.sqlite" if place.name in _OF_THE_HISTORY else place.name
        sizes[name if name in _KINDS else _OTHER] += size_of(place)
    return {name: sizes[name] for name in (*_KINDS, _OTHER) if sizes[name]}


def _print(found: JsonObject) -> None:
    cloud, runs = found["cloud"], dict(found["runs"])
    total = runs.pop("total")
    listed = ", ".join(f"{count} {state}" for state, count in runs.items())
    print_table(
        ("", ""),
        [
            ("home", found["home"]),
            ("stack", found["stack"] + ("" if found["deployed"] else " (not deployed from here)")),
            ("local cloud", cloud["url"] if cloud["running"] else "not running"),
            ("runs", f"{total} ({listed})" if listed else str(total)),
        ],
    )
    sizes = dict(found["bytes"])
    whole = sizes.pop("total")
    rows = [
        (name, size_text(count), _KINDS.get(name, "everything else"))
        for name, count in sizes.items()
    ]
    print_table(("KIND", "SIZE", "WHAT"), [*rows, ("total", size_text(whole), "all of .aml")])
