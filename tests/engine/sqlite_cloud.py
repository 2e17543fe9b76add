"""A cloud that outlives the process that talks to it: things by id in an SQLite file."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from infra.contract.errors import ProviderError
from infra.contract.provider import UNKNOWN, Checked, Difference, Existing
from infra.engine.model.resources import PROVIDER_PREFIX
from infra.engine.model.values import same


class Cloud:
    """Things by id, in a file that outlives every process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._connection() as database:
            database.execute("create table if not exists things (id text primary key, body text)")

    def ids(self) -> list[str]:
        with self._connection() as database:
            return [row[0] for row in database.execute("select id from things order by id")]

    def find(self, id: str) -> dict[str, Any] | None:
        with self._connection() as database:
            row = database.execute("select body from things where id = ?", (id,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, id: str, body: Mapping[str, Any]) -> None:
        with self._connection() as database:
            database.execute("insert or replace into things values (?, ?)", (id, json.dumps(body)))

    def drop(self, id: str) -> None:
        with self._connection() as database:
            database.execute("delete from things where id = ?", (id,))

    def _connection(self) -> "closing[sqlite3.Connection]":
        connection = sqlite3.connect(self._file, isolation_level=None, timeout=30)
        connection.execute("pragma synchronous = off")
        return closing(connection)


class Things:
    """The provider: ``size`` changes in place, ``kind`` replaces, ``first`` deletes before that."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def locate(self, type: str, inputs: Mapping[str, Any]) -> str | None:
        return f"/{type.rpartition(':')[2]}/{inputs['name']}"

    def check(self, type: str, name: str, olds: Any, news: Any, seed: bytes) -> Checked:
        known = news.get("name") or (olds or {}).get("name") or f"{name}{seed.hex()[:8]}"
        return Checked({**news, "name": known})

    def diff(self, type: str, id: str, olds: Any, old_outputs: Any, news: Any) -> Difference:
        changed = [key for key in {*olds, *news} if not same(olds.get(key), news.get(key))]
        replaces = [key for key in changed if key in {"kind", "name"}]
        first = bool(news.get("first"))
        return Difference(bool(changed), replaces=replaces, delete_before_replace=first)

    def create(self, type: str, inputs: Any, *, timeout_s: float, preview: bool) -> Existing:
        if preview:
            return Existing("", inputs, {**inputs, "url": UNKNOWN})
        id_ = self.locate(type, inputs)
        if self._cloud.find(id_) is not None:
            raise ProviderError(f"{id_} exists.", remedy="None.")
        self._cloud.put(id_, inputs)
        return self._existing(id_, inputs)

    def read(self, type: str, id: str, inputs: Any) -> Existing | None:
        body = self._cloud.find(id)
        return None if body is None else self._existing(id, body)

    def update(self, type, id, olds, old_outputs, news, *, timeout_s, preview) -> Existing:
        if not preview:
            self._cloud.put(id, news)
        return self._existing(id, news)

    def delete(self, type: str, id: str, inputs: Any, *, timeout_s: float) -> None:
        self._cloud.drop(id)

    def _existing(self, id: str, body: Mapping[str, Any]) -> Existing:
        return Existing(id, body, {**body, "url": f"cloud:{id}"})


def do(cloud: Cloud, kind: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Do in the cloud what a ``begin`` entry announces: the call arrived, its answer did not."""
    if state["type"].startswith(PROVIDER_PREFIX) or not state["custom"]:
        return
    id_ = state.get("id") or f"/{state['type'].rpartition(':')[2]}/{inputs['name']}"
    if kind == "deleting":
        cloud.drop(id_)
    elif kind in {"creating", "updating"}:
        cloud.put(id_, inputs)
