"""Merges what an interrupted run recorded into a checkpoint that another program wrote since. Pure.

Three-way, by URN and id: what only one side changed since the checkpoint that both know is taken
from that side; where both changed something, the newer checkpoint is right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from infra.contract.json_types import Document
from infra.engine.model.resources import PROVIDER_PREFIX
from infra.engine.state.checkpoint import Checkpoint


class Key(NamedTuple):
    """What makes an entry the same one: a component has no id."""

    urn: str
    id: str
    delete: bool


def merged(known: Checkpoint, run: Checkpoint, newer: Checkpoint) -> Checkpoint:
    """Return ``newer`` with what ``run`` changed since ``known``, and what it was doing.

    ``known`` is the last state of the run that the writer of ``newer`` could have read. A resource
    that both made under different ids is kept twice: the run's is marked for deletion.
    """
    before, ours, theirs = (_by_key(each.resources) for each in (known, run, newer))
    kept = {key: entry for key, entry in theirs.items() if _stays(key, before, ours, theirs)}
    kept |= {key: entry for key, entry in ours.items() if theirs.get(key) == before.get(key)}
    resources = _one_live_each(list(kept.values()), set(theirs))
    return replace(
        newer,
        resources=resources,
        pending=_pending(known, run, newer),
        sealed=newer.sealed or run.sealed,
        salt=newer.salt or run.salt,
    )


def _by_key(entries: Sequence[Document]) -> dict[Key, Document]:
    return {_key(entry): entry for entry in entries}


def _key(entry: Document) -> Key:
    return Key(entry["urn"], entry.get("id", ""), bool(entry.get("delete")))


def _stays(
    key: Key,
    before: Mapping[Key, Document],
    ours: Mapping[Key, Document],
    theirs: Mapping[Key, Document],
) -> bool:
    """Say whether an entry of the newer checkpoint exists: the run may have deleted it."""
    return key in ours or key not in before or theirs[key] != before[key]


def _one_live_each(entries: Sequence[Document], theirs: set[Key]) -> list[Document]:
    """Mark the run's entry where the newer checkpoint has a live one of that URN.

    Of providers, which exist in state only, the newer one also serves what the run made.
    """
    live: dict[str, Document] = {}
    for entry in entries:
        if not entry.get("delete") and _key(entry) in theirs:
            live[entry["urn"]] = entry
    renamed: dict[str, str] = {}
    found: list[Document] = []
    for entry in entries:
        newer = live.get(entry["urn"], entry)
        if newer is entry or entry.get("delete"):
            found.append(entry)
        elif str(entry.get("type", "")).startswith(PROVIDER_PREFIX):
            renamed[_reference(entry)] = _reference(newer)
        else:
            found.append({**entry, "delete": True})
    return [
        {**entry, "provider": renamed[entry["provider"]]}
        if entry.get("provider") in renamed
        else entry
        for entry in found
    ]


def _reference(entry: Document) -> str:
    return f"{entry['urn']}::{entry.get('id', '')}"


def _pending(known: Checkpoint, run: Checkpoint, newer: Checkpoint) -> list[Document]:
    """Return the newer checkpoint's operations, and those of the run that it never saw."""
    found = list(newer.pending)
    for operation in run.pending:
        if operation not in known.pending and operation not in found:
            found.append(operation)
    return found
