"""The store: threads, transactions, restarts and resets."""

import math
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import product

import pytest

from infra.contract.errors import StateError
from localcloud.store.long_running import LongRunningOperation
from localcloud.store.resources import StoredResource
from localcloud.store.store import Store, open_store
from localcloud.store.tracking import Metric

NOW = 1_800_000_000.0
GROUP = "/subscriptions/s/resourceGroups/g"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def resource(name, **fields):
    return StoredResource(
        **{
            "id": f"{GROUP}/providers/A.B/things/{name}",
            "type": "A.B/things",
            "parent": GROUP,
            "document": {},
            "created": NOW,
            "modified": NOW,
            "scope": GROUP,
            **fields,
        }
    )


def test_a_resource_is_stored_and_read(store):
    one = resource("One", document={"tags": {"a": "ü"}}, secrets={"p": "s"})
    store.resources.put(one)
    found = store.resources.get(one.id.upper(), now=NOW)
    assert found == replace(one, scope=one.scope.lower())


def test_secrets_are_sealed(store, tmp_path):
    store.resources.put(resource("one", secrets={"path": "canary"}))
    files = b"".join(file.read_bytes() for file in tmp_path.glob("cloud.db*"))
    assert b"canary" not in files
    assert "canary" not in repr(store.resources.get(resource("one").id, now=NOW))


def test_a_resource_is_ready_and_expires_by_the_clock(store):
    store.resources.put(resource("one", ready=NOW + 5, state="Deleting", gone=NOW + 5))
    seen = store.resources.get(resource("one").id, now=NOW)
    assert seen.provisioning_state(NOW) == "Deleting"
    assert store.resources.get(resource("one").id, now=NOW + 5) is None
    assert store.resources.of_type("a.b/THINGS", now=NOW + 5) == []


def test_below_excludes_siblings_with_the_same_prefix(store):
    child = f"{resource('one').id}/parts/1"
    store.resources.put(resource("one"))
    store.resources.put(resource("one-more"))
    store.resources.put(resource("x", id=child, parent=resource("one").id))
    below = store.resources.below(resource("one").id, now=NOW)
    assert [each.id for each in below] == [child]


def test_a_failed_transaction_leaves_nothing(store):
    def put_and_fail():
        with store.database.write():
            store.resources.put(resource("one"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert store.resources.get(resource("one").id, now=NOW) is None


def test_many_threads_write_at_once(store):
    def put(number):
        store.resources.put(resource(f"n{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(80)))
    assert len(store.resources.in_scope(GROUP, now=NOW)) == 80


def test_a_restart_keeps_everything(store, tmp_path):
    store.resources.put(resource("one", secrets={"a": "b"}))
    store.port = 1234
    again = Store(tmp_path)
    assert (again.id, again.port) == (store.id, 1234)
    assert again.resources.get(resource("one").id, now=NOW).secrets == {"a": "b"}
    again.close()


def damage_file(folder):
    (folder / "cloud.db").write_bytes(b"nonsense" * 1000)


def lose_key(folder):
    (folder / "cloud.key").unlink()


def change_schema(folder):
    with closing(sqlite3.connect(folder / "cloud.db")) as connection, connection:
        connection.execute("update lasting set value = '99' where name = 'schema'")


@pytest.mark.parametrize("spoil", [damage_file, lose_key, change_schema])
def test_an_unreadable_store_is_refused_and_left_unchanged(tmp_path, spoil):
    open_store(tmp_path, NOW).close()
    spoil(tmp_path)
    before = (tmp_path / "cloud.db").read_bytes()
    with pytest.raises(StateError, match=r"Move cloud\.db"):
        open_store(tmp_path, NOW)
    assert (tmp_path / "cloud.db").read_bytes() == before


def test_opening_prunes_what_has_expired(tmp_path):
    store = open_store(tmp_path, NOW)
    store.resources.put(resource("gone", gone=NOW + 1))
    store.operations.add(LongRunningOperation("old", "r", NOW, NOW))
    store.operations.add(LongRunningOperation("new", "r", NOW, NOW + 90_000))
    store.close()
    later = open_store(tmp_path, NOW + 90_000)
    assert later.database.rows("select * from resource") == []
    assert (later.operations.get("old"), later.operations.get("new") is None) == (None, False)
    later.close()


def test_a_reset_keeps_the_port_and_nothing_else(store):
    store.database.define("create table if not exists mine (a text)")
    with store.database.write() as connection:
        connection.execute("insert into mine values ('x')")
    store.resources.put(resource("one"))
    store.port, before = 1234, store.id
    assert store.reset() == store.id != before
    assert store.port == 1234
    assert store.resources.in_scope(GROUP, now=NOW) == []
    assert store.database.rows("select * from mine") == []


def test_files_are_readable_by_their_owner_only(store, tmp_path):
    for name in ("cloud.db", "cloud.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_operations_of_a_daemon_that_died_are_done_at_the_next_start(tmp_path):
    made, leaving = resource("made", ready=NOW + 90), resource("leaving", state="Deleting")
    with closing(open_store(tmp_path, NOW)) as store:
        store.resources.put(made)
        store.resources.put(replace(leaving, ready=NOW + 90, gone=NOW + 90))
        store.operations.add(LongRunningOperation("o", made.id, NOW, NOW + 90))
    with closing(open_store(tmp_path, NOW + 5)) as store:
        found = store.resources.get(made.id, now=NOW + 5)
        assert found.provisioning_state(NOW + 5) == "Succeeded"
        assert store.resources.get(leaving.id, now=NOW + 5) is None
        assert store.operations.get("o").status(NOW + 5) == "Succeeded"


def test_the_last_metrics_are_those_of_the_last_step_then_time_then_value(store):
    each = [Metric("a", v, t, s) for v in (math.nan, 0.0, 1.0) for t in (1, 2) for s in (0, 1)]
    for run, logged in enumerate(product(each, repeat=2)):
        store.tracking.add_metrics(run, [*logged, Metric("b", 1.0, 1)])
        wanted = max(logged, key=last_of_a_key)
        found = store.tracking.last_metrics(run)
        assert [repr(metric) for metric in found] == [repr(wanted), repr(Metric("b", 1.0, 1))]


def last_of_a_key(metric):
    value = -math.inf if math.isnan(metric.value) else metric.value
    return metric.step, metric.timestamp, value
