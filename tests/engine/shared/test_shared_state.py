import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.contract.errors import (
    CredentialError,
    LockedError,
    StateError,
    UnreachableError,
)
from infra.engine.state.address import blob_address
from infra.engine.state.archive import OperationInfo
from infra.engine.state.azblob import open_container
from infra.engine.state.backend import StateBackend
from infra.engine.state.container import BlobChangedError
from infra.engine.state.layout import stack_files
from infra.engine.state.open_state import StackState
from infra.engine.state.shared import RENEW_S, SharedStorage
from tests.engine.shared.rounds import Rounds

PULUMIS = {"pid": 4711, "username": "ci", "hostname": "runner", "timestamp": "2026-11-26T01:25:12Z"}


def names(loaded):
    return sorted(resource.name for resource in loaded.resources)


def blob_names(container):
    return [blob.name for blob in container.list_blobs()]


def test_a_stack_lies_where_the_pulumi_cli_looks(backend, sealer, deploying, container):
    assert deploying("a", "b", ends=True).wait() == 0
    found = blob_names(container)
    assert ".pulumi/stacks/proj/dev.json" in found
    assert ".pulumi/stacks/proj/dev.json.bak" in found
    assert not [
        name
        for name in found
        if name.endswith((".journal", ".tmp", ".base"))
        or ("/locks/" in name and name.endswith("json"))
    ]
    assert container.download_blob(".pulumi/meta.yaml").readall() == b"version: 1\n"
    stored = json.loads(container.download_blob(".pulumi/stacks/proj/dev.json").readall())
    assert stored["version"] == 3
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b"]
    assert backend.stacks("proj") == ["dev"]
    assert [entry["result"] for entry in backend.history("proj", "dev")] == ["succeeded"]


def test_a_second_run_is_refused_and_told_who_has_the_stack(backend, sealer, deploying, lock_of):
    process = deploying("a")
    with pytest.raises(LockedError, match=rf"process {process.pid}") as refused:
        backend.open("proj", "dev", sealer)
    assert "runs out within 30 seconds" in refused.value.remedy
    document, _ = lock_of()
    assert PULUMIS.keys() < document.keys()


def test_what_a_killed_process_began_is_finished_at_once(backend, sealer, deploying):
    process = deploying("a", "b")
    process.kill()
    process.wait()
    with backend.open("proj", "dev", sealer) as state:
        assert [operation.resource.name for operation in state.loaded.pending] == ["b"]
        assert names(state.loaded) == ["a"]
    assert any("Recovered" in notice for notice in state.notices)


def test_the_lock_of_another_machine_holds_until_its_lease_ends(
    backend, sealer, deploying, lock_of, url
):
    process = deploying("a", "b")
    process.kill()
    process.wait()
    document, blob = lock_of()
    blob.upload_blob(json.dumps({**document, "boot": "another machine's"}), overwrite=True)
    with pytest.raises(LockedError):
        backend.open("proj", "dev", sealer)
    end_lease(url, blob.blob_name.rpartition("/")[2].removesuffix(".json"))
    with backend.open("proj", "dev", sealer) as state:
        assert names(state.loaded) == ["a"]
    assert any("Took over the lock" in notice for notice in state.notices)


@pytest.mark.parametrize("name", ["stacks/proj/dev.json", "meta.yaml"])
def test_damage_is_reported_at_the_blob(backend, sealer, container, name):
    container.upload_blob(f".pulumi/{name}", b"{")
    with pytest.raises(StateError) as damaged:
        backend.open("proj", "dev", sealer)
    at = damaged.value.at or ""
    assert at.startswith(f"azblob://{container.container_name}/.pulumi/{name}?storage_account=")


def end_lease(url, lease_id):
    """Let time pass, as far as the lease of a process that is gone is concerned."""
    container = open_container(blob_address(url, os.environ), os.environ)
    container.end_lease(".pulumi/locks/organization/proj/dev.lease", lease_id)


def test_the_pulumi_clis_lock_is_respected_until_it_is_cancelled(backend, sealer, container):
    lock = container.get_blob_client(".pulumi/locks/organization/proj/dev/their.json")
    lock.upload_blob(json.dumps(PULUMIS))
    with pytest.raises(LockedError, match="ci@runner") as refused:
        backend.open("proj", "dev", sealer)
    assert "aml cancel" in refused.value.remedy
    assert [held.user for held in backend.cancel("proj", "dev")] == ["ci"]
    backend.open("proj", "dev", sealer).close()


def cancelled_elsewhere(url, lock):
    """Cancel as another machine does, and wait until the holder has noticed."""
    end_lease(url, lock.file.stem)
    time.sleep(RENEW_S + 1)


def test_a_run_whose_lock_was_cancelled_writes_nothing_more(backend, sealer, thing, url):
    state = backend.open("proj", "dev", sealer)
    (lock,) = backend.holders("proj", "dev")
    cancelled_elsewhere(url, lock)
    with pytest.raises(StateError, match="lock"):
        state.ok(state.begin("creating", thing("a")), thing("a"))
    with pytest.raises(StateError):
        state.close()


def test_a_checkpoint_that_the_cli_wrote_meanwhile_is_not_overwritten(
    backend, sealer, thing, container
):
    backend.open("proj", "dev", sealer).close()
    state = backend.open("proj", "dev", sealer)
    state.ok(state.begin("creating", thing("a")), thing("a"))
    blob = container.get_blob_client(".pulumi/stacks/proj/dev.json")
    theirs = blob.download_blob().readall() + b"\n"
    blob.upload_blob(theirs, overwrite=True)
    with pytest.raises(StateError, match="Another program"):
        state.close()
    assert blob.download_blob().readall() == theirs
    assert ".pulumi/stacks/proj/dev.json.journal" in blob_names(container)


def test_of_many_that_open_a_stack_at_once_one_has_it(url, place):
    address = blob_address(url, place.variables())
    storages = [SharedStorage(open_container(address, place.variables()), str) for _ in range(6)]

    def try_to_take(storage):
        try:
            return storage, storage.take(stack_files(storage.root, "proj", "dev"), 1)[0]
        except LockedError:
            return None

    with ThreadPoolExecutor(len(storages)) as pool:
        taken = [found for found in pool.map(try_to_take, storages) if found]
    assert len(taken) == 1
    for storage, lock in taken:
        storage.release(lock)


def test_an_append_that_arrived_is_not_repeated(url, place):
    container = open_container(blob_address(url, place.variables()), place.variables())
    container.append("journal", b"one", 0)
    container.append("journal", b"two", 3)
    container.append("journal", b"two", 3)
    assert container.read("journal") == b"onetwo"
    with pytest.raises(BlobChangedError):
        container.append("journal", b"three", 3)


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing(backend, sealer, deploying):
    wanted = []
    for number, (added, ends) in enumerate([(2, False), (1, True), (3, False), (2, False)]):
        wanted += [f"{number}-{each}" for each in range(added)]
        process = deploying(*wanted, ends=ends)
        process.kill()  # one that ends is killed on its way
        process.wait()
    assert deploying(*wanted, ends=True).wait() == 0
    assert set(wanted) <= set(names(backend.load("proj", "dev", sealer)))
    assert not backend.summary("proj", "dev").interrupted


def test_what_cannot_be_reached_is_named(container, place, sealer, monkeypatch):
    with pytest.raises(StateError, match="does not exist") as absent:
        StateBackend(url_of(place, "absent")).stacks("proj")
    assert f"--name absent --account-name {place.account} " in absent.value.remedy
    monkeypatch.setenv("AZURE_STORAGE_KEY", "bm90IHRoZSBrZXk=")
    with pytest.raises(CredentialError) as refused:
        StateBackend(url_of(place, container.container_name) + "&cdn=false").stacks("proj")
    assert "Storage Blob Data Contributor" in refused.value.remedy


def test_a_certificate_that_is_not_trusted_is_named_as_such(local_place, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_KEY", local_place.key)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnreachableError, match="is not trusted") as refused:
        StateBackend(url_of(local_place, "states")).stacks("proj")
    assert "SSL_CERT_FILE" in refused.value.remedy


def test_what_needs_nothing_of_each_other_is_asked_at_once(backend, sealer, thing, url, place):
    backend.open("proj", "dev", sealer).close()
    address = blob_address(url, place.variables())
    distant = Rounds(open_container(address, place.variables()))
    storage = SharedStorage(distant, str)
    files = stack_files(storage.root, "proj", "dev")

    def opened():
        return StackState(files, sealer, storage, time.time_ns, OperationInfo())

    storage.fetch_with_locks(files)
    assert distant.taken() == (1, 3)
    storage.fetch(files)
    assert distant.taken() == (1, 1)
    state = opened()
    assert distant.taken() == (3, 6)
    state.ended(succeeded=True, changes={})
    state.close()
    assert distant.taken() == (2, 3)  # and, with the last, the end of the lease
    with opened() as state:
        distant.taken()
        for name in "abcdef":
            state.ok(state.begin("creating", thing(name)), thing(name))
        rounds, requests = distant.taken()
        # The journal is created, then each thing is announced; what became of it goes along.
        assert rounds <= 7
        assert requests <= 16
    rounds, requests = distant.taken()
    assert rounds <= 6
    assert requests <= 14


def url_of(place, container):
    return f"azblob://{container}?storage_account={place.account}&{place.query}"
