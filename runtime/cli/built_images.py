"""`aml env prune --images`: the images that a docker engine has for environments."""

import time

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.times import utc_text
from runtime.cli.render import print_data, print_json, say
from runtime.environments.inventory import to_prune
from runtime.snapshots.sizes import size_text

_ENGINE = "runtime.targets.docker_engine"
_PRUNING = "runtime.targets.docker_pruning"


def prune(
    *,
    older_than_s: int | None,
    keep: int | None,
    size: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove images of environments, or print which would be removed."""
    if older_than_s is None and keep is None and size is None:
        raise UsageError(
            "Say which images to remove.", remedy="Give --older-than, --keep or --size."
        )
    settings = load(f"{_ENGINE}:engine_settings", extra="docker")()
    client = load(f"{_ENGINE}:open_engine", extra="docker")(settings)
    try:
        found = load(f"{_PRUNING}:built_images", extra="docker")(client, settings["host"])
        discard = load(f"{_PRUNING}:discarder", extra="docker")(client, settings["host"])
        gone = to_prune(found, now=time.time(), older_than_s=older_than_s, keep=keep, size=size)
        removed = [each for each in gone if dry_run or discard(each)]
    finally:
        client.close()
    rows: list[JsonObject] = [
        {"name": each.name, "size": each.size, "made": utc_text(each.used)} for each in removed
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            print_data(f"{row['name']}  {size_text(row['size'])}  made {row['made']}")
    # Images share layers: what is freed may be less.
    total = (
        f"{len(removed)} of {len(found)} images, at most {size_text(sum(r['size'] for r in rows))}"
    )
    if dry_run:
        say(f"{total}, would be removed.")
        say("Remove them with --yes." if removed else "Nothing to remove.")
    else:
        say(f"Removed {total}.")
    if len(gone) > len(removed):
        say(f"{len(gone) - len(removed)} that containers use are kept.")
