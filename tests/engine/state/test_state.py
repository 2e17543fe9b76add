import gzip
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from infra.contract.errors import LockedError, PassphraseError, StateError
from infra.engine.model.events import Failure
from infra.engine.model.values import Secret
from infra.engine.state.archive import OperationInfo
from infra.engine.state.backend import StateBackend
from infra.engine.state.disk import Disk
from infra.engine.state.secrets import Masked, Sealer


def entries(file):
    """The kinds of the journal's entries in order, without its remarks about checkpoints."""
    kinds = [json.loads(line)["k"] for line in file.read_bytes().splitlines()[1:]]
    return [kind for kind in kinds if kind != "interim"]


class Crash(Exception):  # noqa: N818 - it is no error, it is the end
    """What a killed process does not get to handle."""


def killed(backend, sealer, work):
    """Do some work and leave without closing, as a process that was killed."""
    state = backend.open("proj", "dev", sealer)
    work(state)
    state._journal.close()
    backend.cancel("proj", "dev")


def test_what_is_recorded_is_loaded(backend, sealer, deployed, names):
    deployed()
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b", "c"]


def test_every_field_survives(backend, sealer, deployed, thing):
    full = thing(
        "a",
        inputs={"password": Secret({"k": "v"}), "n": 1},
        outputs={"x": [Secret("s")]},
        protect=True,
        init_errors=("not ready",),
        custom_timeouts={"create": 60},
        property_dependencies={"n": ()},
        extra={"stackTrace": [{"sourcePosition": "p"}]},
    )
    deployed(full)
    assert backend.load("proj", "dev", sealer).resources == [full]


def test_secrets_are_sealed_wherever_they_lie(tmp_path, sealer, deployed, thing):
    deployed(thing("a", inputs={"p": Secret("c4n4ry")}, outputs={"q": Secret("c4n4ry")}))
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 3
    assert not [file for file in files if b"c4n4ry" in file.read_bytes()]


def test_the_journal_holds_no_secret_either(backend, sealer, thing, journal_file):
    canary = thing("a", inputs={"p": Secret("c4n4ry")})

    def work(state):
        state.ok(state.begin("creating", canary), canary)
        state.outputs(0, {"q": Secret("c4n4ry")})

    killed(backend, sealer, work)
    assert entries(journal_file) == ["begin", "ok", "out"]
    assert b"c4n4ry" not in journal_file.read_bytes()


def test_a_run_without_changes_writes_no_state(backend, sealer, deployed, stack_file, journal_file):
    deployed()
    before = stack_file.read_bytes()
    with backend.open("proj", "dev", sealer) as state:
        for key, resource in enumerate(state.loaded.resources):
            state.outputs(state.same(key, resource), resource.outputs)
        state.forget([])
        state.settle([])
        assert not journal_file.exists()
    assert stack_file.read_bytes() == before
    assert len(backend.history("proj", "dev")) == 1


def test_a_changed_entry_is_written_and_keeps_its_ciphertexts(backend, sealer, deployed, thing):
    deployed(thing("a", inputs={"p": Secret("s"), "n": 1}))
    before = json.loads(backend.export("proj", "dev"))["deployment"]["resources"][0]["inputs"]
    with backend.open("proj", "dev", sealer) as state:
        old = state.loaded.resources[0]
        state.same(0, replace(old, inputs={**old.inputs, "n": 2}, protect=True))
    after = json.loads(backend.export("proj", "dev"))["deployment"]["resources"][0]["inputs"]
    assert after == {**before, "n": 2}


def test_an_equal_entry_of_other_types_is_the_same(backend, sealer, thing, deployed, journal_file):
    needs = {"n": ["urn:pulumi:dev::proj::things:index:Thing::x"]}
    deployed(thing("x"), thing("a", property_dependencies=needs, inputs={"n": 4.0}))
    with backend.open("proj", "dev", sealer) as state:
        state.same(1, replace(state.loaded.resources[1], property_dependencies=needs))
        assert not journal_file.exists()


def test_a_killed_run_is_recovered(backend, sealer, thing, names, journal_file):
    killed(backend, sealer, lambda state: state.same(None, thing("a")))

    def work(state):
        key = state.same(0, state.loaded.resources[0])
        state.outputs(key, {"n": 1})
        state.ok(state.begin("creating", thing("b", needs="a")), thing("b", needs="a"))
        state.begin("creating", thing("c", id=" "), absent_checked=True)

    killed(backend, sealer, work)
    seen = backend.load("proj", "dev", sealer)
    with backend.open("proj", "dev", sealer) as state:
        assert "interrupted update" in state.notices[0]
        assert state.loaded == seen
        assert not journal_file.exists()
    assert names(seen) == ["a", "b"]
    assert seen.resources[0].outputs == {"n": 1}
    assert [(p.kind, p.absent_checked, p.resource.name) for p in seen.pending] == [
        ("creating", True, "c")
    ]


def test_recovering_needs_no_passphrase_where_nothing_is_shown(backend, sealer, thing):
    secret = thing("a", inputs={"p": Secret("s")})
    killed(backend, sealer, lambda state: state.ok(state.begin("creating", secret), secret))
    loaded = backend.load("proj", "dev", Masked())
    assert loaded.resources[0].inputs == {"p": Secret("[secret]")}


class Unwilling:
    """A cipher that fails the test if anybody asks it for its key."""

    salt = ""

    def seal(self, text):
        raise AssertionError(text)

    open = with_salt = seal


def test_a_state_without_secrets_needs_no_key_and_keeps_its_salt(backend, deployed, thing, names):
    deployed()
    with backend.open("proj", "dev", Unwilling()) as state:
        state.ok(state.begin("creating", thing("d")), thing("d"))
    assert names(backend.load("proj", "dev", Unwilling())) == ["d", "a", "b", "c"]
    assert backend.salt("proj", "dev").startswith("v1:fozI5u6B030=:")


def test_a_journal_torn_in_its_first_line_never_was(backend, sealer, deployed, names, journal_file):
    deployed()
    journal_file.write_bytes(b'{"v":1,"base":"12')
    with backend.open("proj", "dev", sealer):
        pass
    assert not journal_file.exists()
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b", "c"]


def test_an_applied_journal_is_removed(backend, sealer, thing, stack_file, journal_file):
    """A crash between the new checkpoint's rename and the journal's removal."""
    kept = []

    class Keeping(Disk):
        def remove(self, path):
            if path == journal_file:
                kept.append(path.read_bytes())
            super().remove(path)

    keeping = StateBackend(backend.root, disk=Keeping(durable=False))
    with keeping.open("proj", "dev", sealer) as state:
        state.ok(state.begin("creating", thing("a")), thing("a"))
    before = stack_file.read_bytes()
    journal_file.write_bytes(kept[-1])
    with backend.open("proj", "dev", sealer):
        assert not journal_file.exists()
    assert stack_file.read_bytes() == before


def test_a_journal_of_another_checkpoint_is_refused(
    backend, sealer, thing, stack_file, journal_file
):
    killed(backend, sealer, lambda state: state.begin("creating", thing("a")))
    other = json.loads(stack_file.read_bytes())
    other["checkpoint"]["latest"]["metadata"] = {"by": "another program"}
    stack_file.write_text(json.dumps(other), encoding="utf-8")
    before = (stack_file.read_bytes(), journal_file.read_bytes())
    for attempt in (
        lambda: backend.open("proj", "dev", sealer),
        lambda: backend.load("proj", "dev", sealer),
    ):
        with pytest.raises(StateError, match="continues another checkpoint") as caught:
            attempt()
        assert "aml stack repair" in caught.value.remedy
    assert (stack_file.read_bytes(), journal_file.read_bytes()) == before
    assert backend.holders("proj", "dev") == []


def test_state_written_by_others_during_a_run_is_not_overwritten(
    backend, sealer, thing, stack_file, journal_file
):
    backend.create("proj", "dev", sealer)
    state = backend.open("proj", "dev", sealer)
    state.ok(state.begin("creating", thing("a")), thing("a"))
    theirs = stack_file.read_bytes() + b"\n"
    stack_file.write_bytes(theirs)
    with pytest.raises(StateError, match="Another program"):
        state.close()
    assert stack_file.read_bytes() == theirs
    assert journal_file.exists()
    assert backend.holders("proj", "dev") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "not JSON", id="empty"),
        pytest.param(
            '{"version": 3, "checkpoint": {"latest": {"resources": [', "not JSON", id="cut"
        ),
        pytest.param(
            '{"version": 3, "checkpoint": {"latest": {"resources": [{"urn": "u", "type": "t", '
            '"parent": "gone"}]}}}',
            r"Entry 0 \(u\) has the parent gone",
            id="broken",
        ),
    ],
)
def test_a_corrupt_file_is_refused_and_left_alone(backend, sealer, stack_file, content, message):
    backend.create("proj", "dev", sealer)
    stack_file.write_text(content, encoding="utf-8")
    with pytest.raises(StateError, match=message) as caught:
        backend.open("proj", "dev", sealer)
    assert caught.value.at == str(stack_file)
    assert stack_file.read_text(encoding="utf-8") == content
    assert backend.holders("proj", "dev") == []


def test_a_wrong_passphrase_is_reported_and_changes_nothing(
    backend, sealer, deployed, thing, stack_file
):
    deployed(thing("a", inputs={"p": Secret("s")}))
    before = stack_file.read_bytes()
    wrong = Sealer.from_passphrase("guess", sealer.salt, stack="dev")
    with pytest.raises(PassphraseError):
        backend.open("proj", "dev", wrong)
    assert stack_file.read_bytes() == before
    assert backend.holders("proj", "dev") == []


def test_a_state_of_its_own_salt_is_sealed_anew(backend, deployed, thing, sealer, stack_file):
    deployed(thing("a", inputs={"p": Secret("s")}))
    moved = Sealer.from_passphrase("password", stack="dev")
    assert backend.load("proj", "dev", moved).resources[0].inputs == {"p": Secret("s")}
    with backend.open("proj", "dev", moved) as state:
        assert state.loaded.resources[0].inputs == {"p": Secret("s")}
    latest = json.loads(stack_file.read_bytes())["checkpoint"]["latest"]
    assert latest["secrets_providers"]["state"]["salt"] == moved.salt
    assert backend.load("proj", "dev", moved).resources[0].inputs == {"p": Secret("s")}


def test_the_first_secret_of_a_stack_may_come_in_a_killed_run(backend, sealer, deployed, thing):
    deployed(thing("a"))
    secret = thing("b", inputs={"p": Secret("s")})
    killed(backend, sealer, lambda state: state.ok(state.begin("creating", secret), secret))
    moved = Sealer.from_passphrase("password", stack="dev")
    with backend.open("proj", "dev", moved) as state:
        assert state.loaded.resources[0].inputs == {"p": Secret("s")}


def test_an_open_stack_is_locked(backend, sealer):
    with backend.open("proj", "dev", sealer), pytest.raises(LockedError):
        backend.open("proj", "dev", sealer)
    backend.open("proj", "dev", sealer).close()


def test_a_failing_run_keeps_what_it_did_and_is_history(backend, sealer, thing, names):
    def run():
        with backend.open("proj", "dev", sealer) as state:
            state.ok(state.begin("creating", thing("a")), thing("a"))
            raise Crash

    with pytest.raises(Crash):
        run()
    assert names(backend.load("proj", "dev", sealer)) == ["a"]
    assert backend.history("proj", "dev")[0]["result"] == "failed"
    assert backend.holders("proj", "dev") == []


def test_a_step_that_comes_too_late_is_refused(backend, sealer, thing):
    state = backend.open("proj", "dev", sealer)
    state.close()
    state.close()
    with pytest.raises(StateError, match="too late"):
        state.begin("creating", thing("a"))
    with pytest.raises(StateError, match="too late"):
        state.rename("a", "b")


def test_an_impossible_state_is_not_written(backend, sealer, thing, stack_file, journal_file):
    backend.create("proj", "dev", sealer)
    before = stack_file.read_bytes()
    state = backend.open("proj", "dev", sealer)
    for _ in range(2):
        state.ok(state.begin("creating", thing("a")), thing("a"))
    with pytest.raises(StateError, match="2 times"):
        state.close()
    base = stack_file.with_name("dev.json.base")
    assert (base.read_bytes(), journal_file.exists()) == (before, True)


def test_many_threads_record_at_once(backend, sealer, thing, names):
    with backend.open("proj", "dev", sealer) as state, ThreadPoolExecutor(8) as pool:
        resources = [thing(f"t{n:03}", inputs={"p": Secret(n)}) for n in range(100)]
        list(pool.map(lambda r: state.ok(state.begin("creating", r), r), resources))
    assert sorted(names(backend.load("proj", "dev", sealer))) == [r.name for r in resources]


def test_history_is_pulumis(backend, sealer, thing, tmp_path):
    operation = OperationInfo(
        "update",
        message="m",
        environment={"b": "2", "a": "1"},
        config={"aml:password": {"secure": "v1:x"}},
    )
    with backend.open("proj", "dev", sealer, operation) as state:
        state.ok(state.begin("creating", thing("a")), thing("a"))
        state.ended(succeeded=True, changes={"create": 1})
    entry = backend.history("proj", "dev")[0]
    assert list(entry) == [
        "kind",
        "startTime",
        "message",
        "environment",
        "config",
        "version",
        "result",
        "endTime",
        "resourceChanges",
    ]
    assert (entry["result"], entry["resourceChanges"]) == ("succeeded", {"create": 1})
    assert 0 < entry["endTime"] - entry["startTime"] < 60
    names = {file.name.rpartition("-")[2].partition(".")[2] for file in history(tmp_path)}
    assert names == {"history.json", "checkpoint.json"}


def history(root):
    return (root / ".pulumi/history/proj/dev").iterdir()


def test_a_result_is_recorded_even_without_changes(backend, sealer, deployed):
    deployed()
    with backend.open("proj", "dev", sealer, OperationInfo("refresh")) as state:
        state.ended(succeeded=False, changes={"same": 3})
    newest = backend.history("proj", "dev")[0]
    assert (newest["kind"], newest["result"]) == ("refresh", "failed")


def test_the_history_says_why_an_operation_failed_and_hides_secrets(
    backend, sealer, thing, tmp_path
):
    fresh = thing("a", inputs={"p": Secret("c4n4ry"), "q": Secret({"k": ["an0ther", "x"]})})
    why = [Failure("c4n4ry is no password; an0ther neither: x", "urn:a"), Failure("no program")]
    with backend.open("proj", "dev", sealer) as state:
        state.fail(state.begin("creating", fresh))
        state.ended(succeeded=False, changes={}, failures=why)
    assert backend.history("proj", "dev")[0]["failures"] == [
        {"error": "[secret] is no password; [secret] neither: x", "urn": "urn:a"},
        {"error": "no program", "urn": ""},
    ]
    assert not [file for file in history(tmp_path) if b"c4n4ry" in file.read_bytes()]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StateError("It is locked.", remedy="Wait."), "It is locked."),
        (KeyboardInterrupt(), "It was interrupted."),
        (Crash("at 0x1"), "This is a bug in aml-platform: Crash."),
    ],
)
def test_the_history_says_what_ended_an_operation_early(backend, sealer, error, why):
    with pytest.raises(type(error)), backend.open("proj", "dev", sealer):
        raise error
    (entry,) = backend.history("proj", "dev")
    assert (entry["result"], entry["failures"]) == ("failed", [{"error": why, "urn": ""}])


def test_backups_are_made_before_and_after_and_pruned(backend, sealer, thing, tmp_path):
    for number in range(25):
        with backend.open("proj", "dev", sealer) as state:
            state.ok(state.begin("creating", thing(f"t{number}")), thing(f"t{number}"))
    files = sorted((tmp_path / ".pulumi/backups/proj/dev").iterdir())
    assert len(files) == 21  # the last 20, and the last of the older ones of today
    assert b"t24" in files[-1].read_bytes()


def test_the_previous_checkpoint_is_kept(backend, sealer, deployed, thing, stack_file):
    deployed(thing("a"))
    before = stack_file.read_bytes()
    with backend.open("proj", "dev", sealer) as state:
        state.outputs(0, {"n": 1})
    assert stack_file.with_name("dev.json.bak").read_bytes() == before


def test_a_compressed_checkpoint_becomes_a_plain_one(backend, sealer, deployed, stack_file, names):
    deployed()
    packed = stack_file.with_name("dev.json.gz")
    packed.write_bytes(gzip.compress(stack_file.read_bytes()))
    stack_file.unlink()
    with backend.open("proj", "dev", sealer) as state:
        state.outputs(0, {"n": 1})
    assert (stack_file.exists(), packed.exists()) == (True, False)
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b", "c"]


def test_another_layout_is_refused(backend, sealer, tmp_path):
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi/meta.yaml").write_text("version: 2\n", encoding="utf-8")
    with pytest.raises(StateError, match="'version: 2'"):
        backend.open("proj", "dev", sealer)


@pytest.mark.parametrize("text", ["", "\0\0\0", "version: ", "<<<<<<< HEAD"])
def test_a_damaged_layout_file_is_called_damaged(backend, sealer, tmp_path, text):
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi/meta.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match="is damaged") as said:
        backend.open("proj", "dev", sealer)
    assert "write `version: 1`" in said.value.remedy


def test_durable_is_the_default_and_works(tmp_path, sealer, thing, names):
    backend = StateBackend(tmp_path)
    with backend.open("proj", "dev", sealer) as state:
        state.ok(state.begin("creating", thing("a")), thing("a"))
    assert names(backend.load("proj", "dev", sealer)) == ["a"]
    assert (tmp_path / ".pulumi/meta.yaml").read_text(encoding="utf-8") == "version: 1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_state_is_its_owners_alone(backend, deployed, stack_file):
    deployed()
    assert stack_file.stat().st_mode & 0o077 == 0


def test_a_folder_that_moves_moves_all(backend, deployed, sealer, tmp_path, names):
    deployed()
    shutil.move(tmp_path / ".pulumi", tmp_path / "elsewhere/.pulumi")
    moved = StateBackend(f"file://{tmp_path}/elsewhere")
    assert names(moved.load("proj", "dev", sealer)) == ["a", "b", "c"]


def test_a_torn_journal_without_a_checkpoint_is_not_continued(backend, sealer, thing, journal_file):
    journal_file.parent.mkdir(parents=True)
    journal_file.write_bytes(b'{"v":1,"ba')
    killed(backend, sealer, lambda state: state.begin("creating", thing("a")))
    assert len(backend.load("proj", "dev", sealer).pending) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path, sealer):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be written"):
        StateBackend(tmp_path / "file").open("proj", "dev", sealer)
    with pytest.raises(StateError, match="cannot be written"):
        Disk().log(tmp_path / "file/log")
    with pytest.raises(StateError, match="cannot be written"):
        Disk().write(tmp_path / "file/data", b"")


def test_what_failed_was_forgotten_or_is_settled_leaves_no_trace(backend, sealer, thing, deployed):
    deployed(thing("a"))
    killed(backend, sealer, lambda state: state.begin("creating", thing("b")))
    with backend.open("proj", "dev", sealer) as state:
        state.fail(state.begin("creating", thing("c")))
        state.settle([0])
        state.forget([0])
    loaded = backend.load("proj", "dev", sealer)
    assert (loaded.resources, loaded.pending) == ([], [])


def test_a_renamed_parent_keeps_its_children(backend, sealer, thing, deployed):
    parent = thing("was")
    deployed(parent, thing("child", parent=parent.urn))
    with backend.open("proj", "dev", sealer) as state:
        state.rename(parent.urn, thing("now").urn)
        state.same(0, thing("now", id="/was"))
    assert backend.load("proj", "dev", sealer).resources[1].parent == thing("now").urn


def test_an_entry_of_an_operation_that_is_none_is_refused(backend, sealer, stack_file):
    backend.create("proj", "dev", sealer)
    document = json.loads(stack_file.read_bytes())
    document["checkpoint"]["latest"]["pending_operations"] = [{"type": "dreaming"}]
    stack_file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(StateError, match="dreaming"):
        backend.load("proj", "dev", sealer)
