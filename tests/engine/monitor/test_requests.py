from pathlib import Path

import pytest
from pulumi.runtime.proto import alias_pb2, callback_pb2, resource_pb2, source_pb2

from infra.contract.errors import UsageError
from infra.engine.model.goals import Alias, Goal, ReadGoal
from infra.engine.model.values import OUTPUT, SIGNATURE, Secret
from infra.engine.monitor.protobuf import to_struct
from infra.engine.monitor.requests import (
    outputs_of,
    read_goal,
    register_goal,
    seconds,
    version_fits,
)

ROOT = Path("/project")
URN = "urn:pulumi:dev::p::a:b:C::c"
OTHER = "urn:pulumi:dev::p::a:b:C::d"


def request(**fields):
    inputs = to_struct(fields.pop("inputs", {}))
    return resource_pb2.RegisterResourceRequest(type="a:b:C", name="c", object=inputs, **fields)


def goal(**fields):
    return register_goal(request(**fields), ROOT)


def test_what_is_not_said_is_not_asked_for():
    assert goal(custom=True) == Goal("a:b:C", "c", custom=True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"protect": False}, {"protect": False}),
        ({"retainOnDelete": True}, {"retain_on_delete": True}),
        (
            {"deleteBeforeReplace": False, "deleteBeforeReplaceDefined": True},
            {"delete_before_replace": False},
        ),
        ({"deleteBeforeReplace": True}, {"delete_before_replace": None}),
        ({"parent": URN}, {"parent": URN}),
        ({"provider": f"{URN}::id"}, {"provider": f"{URN}::id"}),
        ({"providers": {"a": f"{URN}::id"}}, {"providers": {"a": f"{URN}::id"}}),
        ({"version": "3.29.0"}, {"version": "3.29.0"}),
        ({"pluginDownloadURL": "u"}, {"plugin_download_url": "u"}),
        ({"ignoreChanges": ["tags"]}, {"ignore_changes": ("tags",)}),
        ({"hideDiffs": ["a.b"]}, {"hide_diffs": ("a.b",)}),
        ({"replaceOnChanges": ["a.b"]}, {"replace_on_changes": ("a.b",)}),
        ({"replace_with": [URN]}, {"replace_with": (URN,)}),
        ({"deletedWith": URN}, {"deleted_with": URN}),
        ({"additionalSecretOutputs": ["k"]}, {"additional_secret_outputs": ("k",)}),
        ({"importId": "/x"}, {"import_id": "/x"}),
        ({"dependencies": [OTHER, URN]}, {"dependencies": (URN, OTHER)}),
    ],
)
def test_an_option_is_carried_over(fields, expected):
    made = goal(**fields)
    assert {name: getattr(made, name) for name in expected} == expected


def test_a_replacement_trigger_may_be_any_value():
    value = to_struct({"v": {"a": [1]}}).fields["v"]
    assert goal(replacement_trigger=value).replacement_trigger == {"a": [1]}


def test_custom_timeouts_are_seconds():
    timeouts = resource_pb2.RegisterResourceRequest.CustomTimeouts(create="1h30m", delete="45s")
    assert goal(customTimeouts=timeouts).custom_timeouts == {"create": 5400.0, "delete": 45.0}


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("30m", 1800),
        ("1h2m3s", 3723),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("", None),
        ("30", None),
        ("soon", None),
        ("5 m", None),
    ],
)
def test_durations(duration, expected):
    assert seconds(duration) == expected


def test_a_timeout_that_is_no_duration_is_named():
    timeouts = resource_pb2.RegisterResourceRequest.CustomTimeouts(update="half an hour")
    with pytest.raises(UsageError, match=r"'half an hour' in the option `custom_timeouts` \(upd"):
        goal(customTimeouts=timeouts)


@pytest.mark.parametrize(
    ("message", "alias"),
    [
        (alias_pb2.Alias(urn=URN), Alias(urn=URN)),
        (
            alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name="n", type="t", parentUrn="")),
            Alias(name="n", type="t"),
        ),
        (
            alias_pb2.Alias(spec=alias_pb2.Alias.Spec(stack="s", project="q", parentUrn=URN)),
            Alias(stack="s", project="q", parent_urn=URN),
        ),
        (
            alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name="n", noParent=True)),
            Alias(name="n", no_parent=True),
        ),
    ],
)
def test_aliases(message, alias):
    assert goal(aliases=[message]).aliases == (alias,)


def test_properties_depend_on_what_the_program_says():
    declared = {"a": resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=[OTHER, URN])}
    made = goal(inputs={"a": 1}, dependencies=[OTHER, URN], propertyDependencies=declared)
    assert made.property_dependencies == {"a": (URN, OTHER)}


def test_properties_depend_on_everything_when_the_program_names_nothing():
    made = goal(inputs={"a": 1, "b": 2}, dependencies=[URN])
    assert made.property_dependencies == {"a": (URN,), "b": (URN,)}


def test_an_output_value_adds_to_its_property():
    inputs = {"a": {SIGNATURE: OUTPUT, "value": 1, "dependencies": [OTHER]}}
    declared = {"a": resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=[URN])}
    made = goal(inputs=inputs, propertyDependencies=declared)
    assert made.inputs == {"a": 1}
    assert made.property_dependencies == {"a": (URN, OTHER)}


@pytest.mark.parametrize(
    ("uri", "type_", "expected"),
    [
        ("file:///project/infra/__main__.py", "a:b:C", "project:///infra/__main__.py#7"),
        ("file:///project/a%20b.py", "a:b:C", "project:///a b.py#7"),
        ("file:///home/somebody/module.py", "a:b:C", ""),
        ("file:///project/.venv/lib/python3.11/site-packages/x.py", "a:b:C", ""),
        ("file:///project/infra/__main__.py", "pulumi:pulumi:Stack", ""),
    ],
)
def test_source_positions_are_relative_to_the_project(uri, type_, expected):
    position = source_pb2.SourcePosition(uri=uri, line=7)
    asked = request(sourcePosition=position)
    asked.type = type_
    assert register_goal(asked, ROOT).source_position == expected


HOOKS = resource_pb2.RegisterResourceRequest.ResourceHooksBinding(
    before_create=["check"], on_error=["again", "stop"]
)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"state_migrations": [callback_pb2.Callback(token="t")]}, "`state_migrations`"),
    ],
)
def test_what_is_not_built_is_refused_by_name(fields, named):
    with pytest.raises(UsageError, match=named) as refusal:
        goal(**fields)
    assert "--engine pulumi" in refusal.value.remedy
    assert refusal.value.at == "a:b:C 'c'"


def test_hooks_are_named_as_in_a_checkpoint():
    assert goal(hooks=HOOKS).hooks == {"BeforeCreate": ("check",), "OnError": ("again", "stop")}
    assert goal(hooks=resource_pb2.RegisterResourceRequest.ResourceHooksBinding()).hooks == {}


def test_a_read():
    asked = resource_pb2.ReadResourceRequest(
        type="a:b:C",
        name="c",
        id="/x",
        parent=URN,
        properties=to_struct({"a": Secret(1)}),
        dependencies=[OTHER, URN],
        provider="p",
        version="1.0.0",
        additionalSecretOutputs=["k"],
    )
    assert read_goal(asked, ROOT) == ReadGoal(
        type="a:b:C",
        name="c",
        id="/x",
        inputs={"a": Secret(1)},
        parent=URN,
        dependencies=(URN, OTHER),
        provider="p",
        version="1.0.0",
        additional_secret_outputs=("k",),
    )


def test_the_marks_of_exported_resources_are_no_outputs():
    mark = {"@isPulumiResource": True, "id": "x"}
    sent = {"one": mark, "many": [mark], "hidden": Secret(mark), "plain": 1}
    asked = resource_pb2.RegisterResourceOutputsRequest(urn=URN, outputs=to_struct(sent))
    kept = {"id": "x"}
    assert outputs_of(asked) == {"one": kept, "many": [kept], "hidden": Secret(kept), "plain": 1}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (">=3.0.0", True),
        (">=3.0.0 <4.0.0", True),
        (">4.0.0", False),
        ("3.260.0", True),
        ("=3.260.0", True),
        ("!3.260.0", False),
        (">4.0.0 || >=3.200.0 !3.250.0", True),
        ("<3.0.0||>4.0.0", False),
    ],
)
def test_version_ranges(wanted, fits):
    assert version_fits(wanted, "3.260.0") is fits


@pytest.mark.parametrize("wanted", ["", "latest", ">=3.0.0 || newest", "3.x"])
def test_what_is_no_version_range_is_said(wanted):
    with pytest.raises(UsageError, match="not a range of versions"):
        version_fits(wanted, "3.260.0")
