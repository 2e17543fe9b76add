"""`aml env list | show | prune`: the environments built on this machine."""

import os
import time

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.project import home_folder
from infra.contract.times import local_text, utc_text
from runtime.cli.render import print_data, print_json, print_table, say
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.inventory import StoredEnvironment, named, stored, to_prune
from runtime.snapshots.sizes import size_text

_HASH = 12


def list_environments(*, as_json: bool) -> None:
    """Print the built environments."""
    inventory = stored(home_folder() / "environments")
    if as_json:
        print_json([_document(each) for each in inventory])
        return
    if not inventory:
        say("There are no built environments. Build one with `aml env build FILE`.")
        return
    rows = [
        (
            each.name if len(each.name) <= _HASH else each.name[:_HASH],
            each.python,
            str(len(each.lock.versions)) if each.lock else "",
            size_text(each.size),
            local_text(each.used),
            each.source or "",
        )
        for each in inventory
    ]
    print_table(("NAME", "PYTHON", "PACKAGES", "SIZE", "LAST USED", "SOURCE"), rows)
    say(f"{len(rows)} environments, {size_text(sum(each.size for each in inventory))}")


def show(name: str, *, as_json: bool) -> None:
    """Print one built environment, with its exact versions."""
    inventory = stored(home_folder() / "environments")
    found = named(inventory, name)
    document = _document(found)
    versions = dict(found.lock.versions) if found.lock else {}
    if as_json:
        print_json({**document, "requirements": list(found.requirements), "versions": versions})
        return
    spoken = {
        "size": size_text(found.size),
        "built": local_text(found.built),
        "used": local_text(found.used),
    }
    for key, value in (document | spoken).items():
        print_data(f"{key}: {value}")
    for line in found.requirements:
        print_data(f"requirement: {line}")
    for package, version in sorted(versions.items()):
        print_data(f"  {package} {version}")


def prune(
    *,
    older_than_s: int | None,
    keep: int | None,
    size: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove built environments, or print which would be removed."""
    if older_than_s is None and keep is None and size is None:
        raise UsageError(
            "Say which environments to remove.", remedy="Give --older-than, --keep or --size."
        )
    root = home_folder() / "environments"
    inventory = stored(root)
    gone = to_prune(inventory, now=time.time(), older_than_s=older_than_s, keep=keep, size=size)
    cache = EnvironmentCache(root, ChosenBuilder(os.environ))
    removed = [each for each in gone if dry_run or cache.discard(each.name)]
    kept = len(gone) - len(removed)
    if as_json:
        print_json([_document(each) for each in removed])
    else:
        for each in removed:
            print_data(f"{each.name}  {size_text(each.size)}  last used {local_text(each.used)}")
    total = size_text(sum(each.size for each in removed))
    if dry_run:
        say(f"{len(removed)} of {len(inventory)} environments, {total}, would be removed.")
        say("Remove them with --yes." if removed else "Nothing to remove.")
    else:
        say(f"Removed {len(removed)} of {len(inventory)} environments, {total}.")
    if kept:
        say(f"{kept} in use are kept.")


def _document(each: StoredEnvironment) -> JsonObject:
    return {
        "name": each.name,
        "hash": each.hash,
        "python": each.python,
        "size": each.size,
        "built": utc_text(each.built),
        "used": utc_text(each.used),
        "source": each.source,
        "folder": str(each.folder),
        "lock": each.lock.digest if each.lock else None,
    }
