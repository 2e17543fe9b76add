import json
import os

import pytest

from infra.contract.errors import LockedError, NotDeployedError, StateError, UsageError
from infra.engine.model.resources import Loaded
from infra.engine.model.values import Secret
from infra.engine.state.secrets import Masked, Sealer


@pytest.fixture
def secretive(deployed, thing):
    deployed(thing("a", inputs={"p": Secret("s")}), thing("b", needs="a"))


def test_a_stack_that_is_not_there_is_empty_and_stays_away(backend, sealer):
    assert backend.load("proj", "dev", sealer) == Loaded()
    assert not backend.exists("proj", "dev")
    assert backend.stacks("proj") == []
    assert backend.recover("proj", "dev", sealer) == []


def test_create(backend, sealer):
    backend.create("proj", "dev", sealer)
    assert backend.stacks("proj") == ["dev"]
    assert backend.exists("proj", "dev")
    with pytest.raises(UsageError, match="'dev' already"):
        backend.create("proj", "dev", sealer)


def test_an_empty_stack_names_itself(backend, sealer, stack_file):
    backend.create("proj", "dev", sealer)
    document = json.loads(stack_file.read_bytes())
    assert document["checkpoint"]["stack"] == "organization/proj/dev"


def test_summary(backend, deployed):
    deployed()
    summary = backend.summary("proj", "dev")
    assert (summary.name, summary.resources) == ("dev", 3)
    assert (summary.interrupted, summary.locked_by) == (False, "")
    assert summary.updated.startswith("2026-11-21T")


def test_summary_of_a_run_in_progress(backend, sealer, thing):
    with backend.open("proj", "dev", sealer) as state:
        state.ok(state.begin("creating", thing("a")), thing("a"))
        summary = backend.summary("proj", "dev")
    assert (summary.resources, summary.interrupted) == (1, True)
    assert f"(process {os.getpid()}) since" in summary.locked_by


@pytest.mark.parametrize("method", ["summary", "export"])
def test_a_missing_stack_is_named_with_the_nearest(backend, sealer, method):
    backend.create("proj", "staging", sealer)
    with pytest.raises(NotDeployedError) as caught:
        getattr(backend, method)("proj", "stagin")
    assert "'staging'" in caught.value.remedy


def test_an_export_imports_again(backend, sealer, secretive):
    before = backend.load("proj", "dev", sealer)
    text = backend.export("proj", "dev")
    backend.import_("proj", "dev", text, sealer)
    assert backend.load("proj", "dev", sealer) == before
    assert backend.history("proj", "dev")[0]["kind"] == "import"


def test_an_export_with_secrets_shown_imports_sealed(backend, sealer, secretive, stack_file):
    before = backend.load("proj", "dev", sealer)
    shown = backend.export("proj", "dev", sealer)
    assert '"plaintext": "\\"s\\""' in shown
    backend.import_("proj", "dev", shown, sealer)
    assert backend.load("proj", "dev", sealer) == before
    assert b"plaintext" not in stack_file.read_bytes()


def test_an_import_is_sealed_with_the_stacks_own_salt(backend, sealer, secretive):
    moved = Sealer.from_passphrase("password", stack="dev")
    backend.import_("proj", "dev", backend.export("proj", "dev"), moved)
    document = json.loads(backend.export("proj", "dev"))
    assert document["deployment"]["secrets_providers"]["state"]["salt"] == moved.salt


def test_an_import_drops_what_was_there(backend, sealer, secretive, thing, names):
    text = backend.export("proj", "dev")
    with backend.open("proj", "dev", sealer) as state:
        state.ok(state.begin("creating", thing("c")), thing("c"))
    backend.import_("proj", "dev", text, sealer)
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b"]


def test_entries_of_another_stack_are_not_imported(backend, sealer, secretive):
    text = backend.export("proj", "dev")
    with pytest.raises(StateError, match=r"2 entries do not belong to the stack 'prod'"):
        backend.import_("proj", "prod", text, sealer)
    assert not backend.exists("proj", "prod")


def test_what_does_not_fit_together_is_not_imported(backend, sealer, secretive):
    document = json.loads(backend.export("proj", "dev"))
    document["deployment"]["resources"].reverse()
    with pytest.raises(StateError, match="not before it"):
        backend.import_("proj", "dev", json.dumps(document), sealer)


def test_a_stack_with_resources_is_not_removed(backend, sealer, deployed):
    deployed()
    with pytest.raises(UsageError, match="still has 3 resources"):
        backend.remove("proj", "dev", sealer)
    assert backend.stacks("proj") == ["dev"]


@pytest.mark.parametrize("force", [True, False])
def test_remove_keeps_backups_only(backend, sealer, deployed, tmp_path, force):
    if force:
        deployed()
    else:
        backend.create("proj", "dev", sealer)
    backend.remove("proj", "dev", sealer, force=force)
    root = tmp_path / ".pulumi"
    left = {file.relative_to(root).parts[0] for file in root.rglob("*") if file.is_file()}
    assert left == {"backups", "meta.yaml"}
    assert (backend.stacks("proj"), backend.history("proj", "dev")) == ([], [])


def test_cancel_frees_a_stack(backend, sealer):
    state = backend.open("proj", "dev", sealer)
    with pytest.raises(LockedError):
        backend.open("proj", "dev", sealer)
    assert [lock.pid for lock in backend.holders("proj", "dev")] == [
        lock.pid for lock in backend.cancel("proj", "dev")
    ]
    backend.open("proj", "dev", sealer).close()
    state.close()


def test_a_broken_order_is_repaired(backend, sealer, deployed, stack_file, names):
    deployed()
    document = json.loads(stack_file.read_bytes())
    document["checkpoint"]["latest"]["resources"].reverse()
    stack_file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(StateError, match="not before it"):
        backend.load("proj", "dev", sealer)
    problems = backend.diagnose("proj", "dev").problems
    assert len(problems) == 2
    assert backend.repair("proj", "dev").problems == problems
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b", "c"]
    assert backend.repair("proj", "dev").problems == []


def test_repair_puts_copies_aside_first(backend, deployed, stack_file, tmp_path):
    deployed()
    broken = stack_file.read_bytes().replace(b'Thing::a"', b'Thing::z"', 1)
    stack_file.write_bytes(broken)
    backend.repair("proj", "dev")
    copies = [file.read_bytes() for file in (tmp_path / ".pulumi/backups/proj/dev").iterdir()]
    assert broken in copies


def test_copies_of_an_entry_are_repaired(backend, deployed, stack_file, sealer, names):
    deployed()
    document = json.loads(stack_file.read_bytes())
    document["checkpoint"]["latest"]["resources"] *= 2
    stack_file.write_text(json.dumps(document), encoding="utf-8")
    backend.repair("proj", "dev")
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b", "c"]


def test_two_live_entries_of_one_name_are_for_a_person_to_decide(backend, deployed, stack_file):
    deployed()
    document = json.loads(stack_file.read_bytes())
    entries = document["checkpoint"]["latest"]["resources"]
    entries.append({**entries[-1], "id": "/another"})
    stack_file.write_text(json.dumps(document), encoding="utf-8")
    before = stack_file.read_bytes()
    with pytest.raises(StateError, match="2 times"):
        backend.repair("proj", "dev")
    assert stack_file.read_bytes() == before
    assert backend.holders("proj", "dev") == []


@pytest.fixture
def interrupted(backend, sealer, thing, deployed):
    """A run that was killed while it created one thing and after it had created another."""
    deployed()
    state = backend.open("proj", "dev", sealer)
    state.ok(state.begin("creating", thing("d")), thing("d"))
    state.begin("creating", thing("e"))
    state._journal.close()
    backend.cancel("proj", "dev")


def test_a_journal_is_merged_into_what_another_program_wrote(
    backend, interrupted, sealer, stack_file, names
):
    journal_file = stack_file.with_name("dev.json.journal")
    stack_file.write_bytes(stack_file.read_bytes() + b" ")
    problems = "\n".join(backend.diagnose("proj", "dev").problems)
    assert "continues another checkpoint" in problems
    assert "ok urn:pulumi:dev::proj::things:index:Thing::d" in problems
    kept = journal_file.read_bytes()
    backend.repair("proj", "dev")
    loaded = backend.load("proj", "dev", sealer)
    assert names(loaded) == ["d", "a", "b", "c"]
    assert [operation.resource.name for operation in loaded.pending] == ["e"]
    copies = (backend.root / ".pulumi/backups/proj/dev").glob("*.journal")
    assert [copy.read_bytes() for copy in copies] == [kept]
    assert not stack_file.with_name("dev.json.base").exists()


def test_what_a_journal_leaves_as_it_was_is_no_problem(
    backend, sealer, thing, deployed, stack_file
):
    deployed()
    state = backend.open("proj", "dev", sealer)
    state.same(1, state.loaded.resources[1])
    state.ok(state.begin("creating", thing("d")), thing("d"))
    state._journal.close()
    backend.cancel("proj", "dev")
    assert '"k":"same"' in stack_file.with_name("dev.json.journal").read_text()
    stack_file.write_bytes(stack_file.read_bytes() + b" ")
    problems = "\n".join(backend.diagnose("proj", "dev").problems)
    assert "ok urn:pulumi:dev::proj::things:index:Thing::d" in problems
    assert ": same" not in problems


def test_a_journal_whose_checkpoint_is_nowhere_is_put_aside(
    backend, interrupted, sealer, stack_file, names
):
    document = json.loads(stack_file.with_name("dev.json.base").read_bytes())
    for file in stack_file.parents[2].rglob("*.json*"):
        if file.suffix != ".journal":
            file.unlink()
    document["checkpoint"]["latest"]["metadata"] = {"by": "another program"}
    stack_file.write_text(json.dumps(document), encoding="utf-8")
    backend.repair("proj", "dev")
    assert names(backend.load("proj", "dev", sealer)) == ["a", "b", "c"]


def test_what_the_cli_reads_after_a_kill_has_pending_operations(interrupted, stack_file):
    latest = json.loads(stack_file.read_bytes())["checkpoint"]["latest"]
    assert [each["urn"].rpartition("::")[2] for each in latest["resources"]] == list("dabc")
    (pending,) = latest["pending_operations"]
    assert pending["type"] == "creating"
    assert pending["resource"]["urn"].endswith("::e")


def test_a_damaged_journal_is_put_aside(backend, interrupted, journal_file, sealer, names):
    journal_file.write_bytes(b"damage\n" + journal_file.read_bytes())
    with pytest.raises(StateError, match="Line 1 of the journal"):
        backend.load("proj", "dev", sealer)
    assert "cannot be applied" in backend.repair("proj", "dev").problems[0]
    assert names(backend.load("proj", "dev", sealer)) == ["d", "a", "b", "c"]


def test_a_sound_journal_needs_no_repair(backend, interrupted, journal_file):
    assert backend.repair("proj", "dev").problems == []
    assert journal_file.exists()


def test_recover_makes_a_plain_checkpoint(backend, interrupted, sealer, journal_file, names):
    assert "interrupted update" in backend.recover("proj", "dev", sealer)[0]
    assert not journal_file.exists()
    loaded = backend.load("proj", "dev", Masked())
    assert names(loaded) == ["d", "a", "b", "c"]
    assert [operation.resource.name for operation in loaded.pending] == ["e"]


def test_there_is_nothing_to_repair_without_a_checkpoint(backend):
    with pytest.raises(StateError, match="no checkpoint"):
        backend.repair("proj", "dev")


def test_a_checkpoint_that_vanished_is_not_made_up(backend, interrupted, sealer, stack_file):
    stack_file.unlink()
    with pytest.raises(StateError, match="the file is missing"):
        backend.open("proj", "dev", sealer)
