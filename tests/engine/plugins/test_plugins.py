"""Resources of a plugin that is written with Pulumi's own SDK, and runs as a process of its own."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from infra.engine.deployment.builtin import BuiltinProvider
from infra.engine.deployment.providers import Providers
from infra.engine.model.events import Finished, Message, Op
from infra.engine.model.resources import Resource
from infra.engine.model.values import Secret, secret
from infra.engine.planning.ledger import Ledger
from infra.engine.plugins.host import PluginHost
from infra.engine.plugins.provider import PluginProvider
from tests.engine.cloud import Account
from tests.engine.monitor.embedded import EmbeddedStage

HERE = Path(__file__).parent
PROJECT = f"""\
name: proj
runtime: python
plugins:
  providers:
    - {{name: lab, path: {HERE / "lab"}}}
    - {{name: boxes, path: {HERE / "boxes"}}}
"""
PASSWORD = "Pa55-canary"
EXTENSION = {"name": "sublab", "version": "4.5.6", "value": "YSBwYXJhbWV0ZXI="}


class PluginStage(EmbeddedStage):
    """A stack whose program declares things of the plugin."""

    def __init__(self, folder, program=HERE / "program"):
        super().__init__("")
        self.program = program
        self.root = folder
        self.config = {"lab": {"region": "eu", "token": secret("t0ken-canary")}}
        (folder / "Pulumi.yaml").write_text(PROJECT)
        self.store = folder / "store"
        self.store.mkdir()

    def things(self, **wanted):
        self.settings["test:things"] = json.dumps(wanted)

    def _start(self, options):
        run = super()._start(options)
        self.host = PluginHost(self.root, self.program, "proj", self._heard)
        builtin = BuiltinProvider(lambda *_: None)
        return replace(run, providers={"pulumi": builtin}, plugins=self.host)

    def _heard(self, severity, text, urn):
        self.events.append(Message(severity, text, urn))

    def _end(self, summary):
        with closing(self.host):
            return super()._end(summary)

    def up(self, **wanted):
        if wanted:
            self.things(**wanted)
        return self.go()

    def calls(self, rpc):
        lines = (self.store / "calls.jsonl").read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["rpc"] == rpc]

    def stored(self, name):
        return next(each for each in self.loaded.resources if each.name == name)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    made = PluginStage(tmp_path)
    monkeypatch.setenv("LAB_STORE", str(made.store))
    return made


def errors(result):
    failed = [event.error for event in result.events if isinstance(event, Finished)]
    said = [each.text for each in result.events if isinstance(each, Message)]
    return "\n".join([*filter(None, failed), *said])


def test_things_are_planned_made_changed_replaced_and_deleted(stage):
    stage.things(one={}, two={"password": PASSWORD})
    planned = stage.look()
    assert planned.counts[Op.CREATE] == 3, errors(planned)
    assert not list(stage.store.glob("*.json"))
    made = stage.go()
    assert made.counts[Op.CREATE] == 3, errors(made)
    assert made.summary.outputs == {"one": "lab://one", "two": "lab://two"}
    two = stage.stored("two")
    assert (two.id, two.inputs["kind"]) == ("lab-two", "thing")
    assert isinstance(two.outputs["password"], Secret)
    assert two.outputs["login"] == secret(f"me:{PASSWORD}")  # the plugin knows what it derived
    assert set(stage.go().counts) == {Op.SAME}
    one, two = {"size": 2}, {"password": "n3w"}
    assert stage.up(one=one, two=two).counts[Op.UPDATE] == 2
    assert stage.up(one=one, two={"name": "other", **two}).counts[Op.REPLACE] == 1
    assert stage.stored("two").id == "lab-other"
    assert stage.up(one={"size": 2}).counts[Op.DELETE] == 1
    assert {"address", "login", "password"} <= {*stage.calls("delete")[-1]["properties"]}
    assert stage.destroy().summary.changes[Op.DELETE]
    assert not list(stage.store.glob("*.json"))


def test_it_is_configured_with_what_the_stack_says(stage):
    stage.up(one={})
    (configured,) = stage.calls("configure")
    assert (configured["region"], configured["token"]) == ("eu", True)
    default = next(each for each in stage.loaded.resources if each.name == "default_1_2_3")
    assert isinstance(default.inputs["token"], Secret)


def test_an_explicit_provider_is_a_process_of_its_own_and_replaces_what_moves(stage):
    stage.up(one={})
    stage.settings["test:region"] = "us"
    moved = stage.up(one={})
    assert moved.counts[Op.REPLACE] == 1, errors(moved)
    regions = {each["region"]: each["pid"] for each in stage.calls("configure")}
    assert len({*regions.values()}) == len(regions) == 2


def test_refusals_name_the_property(stage):
    refused = stage.up(one={"size": -1})
    assert "size: is negative" in errors(refused)
    stage.config = {"lab": {}}
    assert "region: is needed" in errors(stage.up(one={}))


def test_an_error_of_the_plugin_is_shown_without_the_secrets_it_was_sent(stage):
    failed = stage.up(one={"fail": True, "password": PASSWORD})
    assert failed.summary.failed
    assert "cannot use [secret]" in errors(failed)
    assert PASSWORD not in errors(failed)
    assert set(stage.up(one={}).counts) >= {Op.CREATE}


def test_a_crash_leaves_the_operation_pending(stage):
    crashed = stage.up(one={"crash": True})
    assert "The plugin of 'lab' ended with code 3" in errors(crashed)
    assert [each.kind for each in stage.loaded.pending] == ["creating"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo no luck >&2; exit 3", "did not start: it ended with code 3. It printed:\nno luck"),
        (
            "(exec >&-; sleep 0.2; echo no luck >&2) & exit 3",  # heard after it has ended
            "did not start: it ended with code 3. It printed:\nno luck",
        ),
        ("echo hello; sleep 60", "did not start: it named no port"),
    ],
)
def test_a_plugin_that_does_not_start_is_one_error(stage, script, why):
    broken = stage.root / "broken" / "pulumi-resource-lab"
    broken.parent.mkdir()
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    (stage.root / "Pulumi.yaml").write_text(PROJECT.replace(f"{HERE / 'lab'}", "broken"))
    failed = stage.up(one={}, two={})
    assert failed.summary.failed
    said = errors(failed)
    assert f"Plugin failed: The plugin of 'lab' {why}" in said
    assert f"the command is: {broken}" in said
    assert said.count("did not start") == 1, "two resources need it"
    assert stage.loaded.pending == []


def test_a_name_that_the_plugin_cannot_be_told_is_a_warning(stage):
    stage.config["pulumi"] = {"autonaming": '{"providers": {"lab": {"mode": "verbatim"}}}'}
    made = stage.up(one={})
    assert not made.summary.failed
    text = (
        "The provider of 'one' does not support `pulumi:autonaming`, which names lab:index:Thing."
    )
    assert errors(made).count(text) == 1


def test_what_is_half_made_is_in_state_and_repaired(stage):
    half = stage.up(one={"half": True, "password": PASSWORD})
    assert half.summary.failed
    assert stage.stored("one").init_errors == ("it is still cold",)
    assert stage.stored("one").outputs["login"] == secret(f"me:{PASSWORD}")
    assert stage.up(one={"half": True}).counts[Op.UPDATE] == 1
    assert not stage.stored("one").init_errors


def test_a_refresh_finds_what_was_changed_and_what_is_gone(stage):
    stage.up(one={"password": PASSWORD}, two={})
    (stage.store / "two.json").unlink()
    changed = json.loads((stage.store / "one.json").read_text()) | {"size": 5}
    (stage.store / "one.json").write_text(json.dumps(changed))
    read = stage.refresh()
    assert not errors(read), errors(read)
    assert stage.stored("one").outputs["size"] == 5
    for name in ("password", "login"):  # the plugin returns both in clear
        assert isinstance(stage.stored("one").outputs[name], Secret)
    assert not [each for each in stage.loaded.resources if each.name == "two"]


def test_a_refresh_records_what_is_not_ready(stage):
    stage.up(one={"password": PASSWORD})
    (stage.store / "one.json").write_text('{"name": "one", "password": "x", "ill": true}')
    read = stage.refresh()
    assert not read.summary.failed, errors(read)
    one = stage.stored("one")
    assert (one.init_errors, one.outputs["login"]) == (("it is ill",), secret("me:x"))
    assert "it is ill" in errors(read)


def test_its_functions_are_called(stage):
    stage.settings["test:invoke"] = "yes"
    assert stage.up(one={}).summary.outputs["answer"] == "from eu"


def test_a_package_without_a_plugin_is_refused_with_what_to_do(stage):
    host = PluginHost(stage.root, HERE, "proj", print)
    with pytest.raises(UsageError) as refused:
        host.plugin("nobody", "1.0.0")
    assert "pulumi plugin install resource nobody 1.0.0" in refused.value.remedy


class SomeTypes(Account):
    """A provider of ours for types of the package that the program does not use."""

    def covers(self, type):
        return type == "lab:index:Other"


def test_types_that_our_own_provider_lacks_are_the_plugins(stage):
    stage.things(one={})
    run = stage._start({})
    ours = replace(run, providers={**run.providers, "lab": SomeTypes(stage.cloud)})
    providers = Providers(ours, ours.session(), Ledger(ours.loaded))
    reference = providers.default("lab", "1.2.3")
    thing = Resource("urn:pulumi:dev::proj::lab:index:Thing::one", "lab:index:Thing", custom=True)
    with closing(stage.host):
        other = replace(thing, type="lab:index:Other")
        assert isinstance(providers.instance(reference, other), SomeTypes)
        plugin = providers.instance(reference, thing)
        assert isinstance(plugin, PluginProvider)
        assert plugin.read(thing.type, "lab-one", {}) is None
    assert [each["region"] for each in stage.calls("configure")] == ["eu"]


@pytest.fixture
def composed(tmp_path, monkeypatch):
    made = PluginStage(tmp_path, HERE / "composing")
    monkeypatch.setenv("LAB_STORE", str(made.store))
    return made


def test_a_component_is_made_by_its_plugin_and_its_methods_are_called(composed):
    composed.things(label="one")
    planned = composed.look()
    assert planned.counts[Op.CREATE] == 4, errors(planned)
    made = composed.go()
    assert made.counts[Op.CREATE] == 4, errors(made)
    address = "lab://one"
    assert made.summary.outputs == {
        "address": address,
        "login": "[secret]",
        "said": f"{address} greets",
    }
    child, after = composed.stored("box-thing"), composed.stored("after")
    assert child.parent.endswith("::boxes:index:Box::box")
    assert child.urn in after.dependencies  # what is behind the output that it used
    assert isinstance(child.outputs["password"], Secret)
    assert set(composed.go().counts) == {Op.SAME}
    assert composed.destroy().summary.changes[Op.DELETE] == 4


def test_the_error_of_a_component_is_reported_once(composed):
    refused = composed.up(label="one", refuse=True)
    assert refused.summary.failed
    assert errors(refused).count("refuse: is set") == 1
    failed = composed.up(label="one", fail=True)
    assert errors(failed).count("cannot use [secret]") == 1
    assert "Traceback" not in errors(failed)
    assert composed.up(label="one").counts[Op.CREATE]


def test_variables_are_passed_to_a_plugin_under_another_name(stage, monkeypatch):
    monkeypatch.setenv("LAB_OURS", "seen")
    stage.settings |= {"test:region": "us", "test:mapped": "yes"}
    made = stage.up(one={})
    assert not made.summary.failed, errors(made)
    assert stage.calls("configure")[-1]["seen"] == "seen"
    assert stage.stored("mine").inputs["__internal"] == {"envVarMappings": {"LAB_OURS": "LAB_SEEN"}}
    assert set(stage.go().counts) == {Op.SAME}
    stage.destroy()
    assert stage.calls("configure")[-1]["seen"] == "seen"


@pytest.fixture
def parameterized(tmp_path, monkeypatch):
    made = PluginStage(tmp_path, HERE / "parameterized")
    monkeypatch.setenv("LAB_STORE", str(made.store))
    made.config = {"sublab": {"region": "eu"}}
    made.settings["test:value"] = "a parameter"
    return made


def test_a_parameterized_package_is_made_of_another_ones_plugin(parameterized):
    stage = parameterized
    made = stage.go()
    assert not made.summary.failed, errors(made)
    assert made.summary.outputs == {"answer": "from eu", "one": "lab://one"}
    internal = {"name": "lab", "parameterization": "YSBwYXJhbWV0ZXI=", "version": ""}
    for name in ("default_4_5_6", "exp"):
        provider = stage.stored(name)
        assert provider.type == "pulumi:providers:sublab"
        assert (provider.inputs["__internal"], provider.inputs["version"]) == (internal, "4.5.6")
    regions = {each["region"]: each["pid"] for each in stage.calls("configure")}
    assert regions.keys() == {"eu", "us"}
    told = [(each["pid"], each["value"]) for each in stage.calls("parameterize")]
    assert {(pid, "a parameter") for pid in regions.values()} <= set(told)
    assert set(stage.go().counts) == {Op.SAME}
    # Without the program, from state.
    assert stage.refresh().summary.changes[Op.SAME] == 2
    assert stage.destroy().names == []


@pytest.fixture
def extended(parameterized):
    parameterized.config = {"lab": {"region": "eu"}}
    parameterized.settings["test:extension"] = "yes"
    return parameterized


def test_an_extension_is_learnt_by_the_provider_of_the_package_that_it_extends(extended):
    made = extended.go()
    assert not made.summary.failed, errors(made)
    assert made.summary.outputs == {"answer": "from eu", "one": "lab://one"}
    one, two = map(extended.stored, ("one", "two"))
    assert (one.type, one.extension) == ("sublab:index:Sub", EXTENSION)
    assert (two.type, two.extension) == ("lab:index:Thing", {})
    assert one.provider == two.provider
    # Each process is told once, however many resources and functions need it.
    told = [each["pid"] for each in extended.calls("parameterize")]
    assert sorted(told) == sorted(set(told))
    assert set(extended.go().counts) == {Op.SAME}
    # Without the program, from state.
    assert extended.refresh().summary.changes[Op.SAME] == 2
    assert extended.destroy().names == []


def test_another_version_of_an_extension_is_kept_in_state(extended):
    extended.go()
    extended.settings["test:value"] = "another"
    assert set(extended.go().counts) == {Op.SAME}
    assert extended.stored("one").extension == {**EXTENSION, "value": "YW5vdGhlcg=="}


@pytest.mark.parametrize("kind", ["parameterized", "extended"])
def test_what_a_plugin_does_not_provide_is_refused(request, kind):
    stage = request.getfixturevalue(kind)
    stage.settings["test:value"] = "wrong"
    refused = stage.look()
    assert refused.summary.failed
    said = f"{errors(refused)}{refused.program.error}"
    assert "provides other 4.5.6, not sublab 4.5.6" in said
