"""Deciding is pure: tables of old state, goal and difference."""

import pytest

from infra.contract.errors import UsageError
from infra.contract.provider import UNKNOWN, Difference, Existing, Ignored
from infra.engine.model.goals import Goal
from infra.engine.model.paths import covers, differences, found, ignoring, parse
from infra.engine.model.resources import Resource
from infra.engine.model.values import Secret
from infra.engine.planning.decision import Forced, Verdict, bare, decide, inherited, with_ignored


def resource(inputs=None, **fields):
    return Resource(
        "urn:pulumi:dev::proj::t:t:T::a", "t:t:T", custom=True, inputs=inputs or {}, **fields
    )


NO = Difference(changed=False)
YES = Difference(changed=True)


@pytest.mark.parametrize(
    ("old", "new", "difference", "expected"),
    [
        pytest.param({}, {}, NO, Verdict.SAME, id="same"),
        pytest.param({}, {"a": 1}, NO, Verdict.SAME, id="the provider knows better"),
        pytest.param({}, {}, YES, Verdict.UPDATE, id="changed"),
        pytest.param(
            {"a": 1}, {"a": 1.0}, Difference(None), Verdict.SAME, id="does not know, same"
        ),
        pytest.param({"a": 1}, {"a": 2}, Difference(None), Verdict.UPDATE, id="does not know"),
        pytest.param({"a": 1}, {"a": Secret(1)}, Difference(None), Verdict.SAME, id="only a mark"),
        pytest.param(
            {}, {}, Difference(changed=True, replaces=["a"]), Verdict.REPLACE, id="replaces"
        ),
        pytest.param(
            {},
            {},
            Difference(changed=True, detailed={"a": "update-replace"}),
            Verdict.REPLACE,
            id="detailed",
        ),
        pytest.param(
            {}, {}, Difference(changed=False, replaces=["a"]), Verdict.SAME, id="replaces what?"
        ),
    ],
)
def test_provider_difference(old, new, difference, expected):
    decision = decide(
        resource(old), resource(new), difference, Forced(), delete_before_replace=None
    )
    assert decision.verdict is expected


def test_detailed_diff_can_replace_and_names_the_path():
    difference = Difference(
        changed=True, replaces=["a"], detailed={"a.b": "update-replace", "c": "update"}
    )
    decision = decide(resource(), resource(), difference, Forced(), delete_before_replace=None)
    assert decision.replaces == ("a.b",)
    assert decision.reason == "a.b cannot be changed in place"


@pytest.mark.parametrize(
    ("listed", "changed", "expected"),
    [
        ("a", "a.b", Verdict.REPLACE),
        ("a.b", "a", Verdict.REPLACE),
        ("a.c", "a", Verdict.UPDATE),
        ("a[*].b", "a[0].b", Verdict.REPLACE),
        ("x", "a", Verdict.UPDATE),
        ("#initerror", "a", Verdict.UPDATE),
    ],
)
def test_replace_on_changes_paths(listed, changed, expected):
    old, new = resource({"a": {"b": 1, "c": 1}}), {"a": {"b": 2, "c": 1}}
    difference = Difference(changed=True, detailed={changed: "update"})
    wanted = resource(new, replace_on_changes=(listed,))
    decision = decide(old, wanted, difference, Forced(), delete_before_replace=None)
    assert decision.verdict is expected


@pytest.mark.parametrize(
    ("option", "provider", "expected"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_which_option_decides_to_delete_first(option, provider, expected):
    difference = Difference(changed=True, replaces=["a"], delete_before_replace=provider)
    decision = decide(resource(), resource(), difference, Forced(), delete_before_replace=option)
    assert decision.delete_first is expected


@pytest.mark.parametrize(
    ("forced", "expected"),
    [(Forced(replace="so"), Verdict.REPLACE), (Forced(update="so"), Verdict.UPDATE)],
)
def test_forced(forced, expected):
    decision = decide(resource(), resource(), NO, forced, delete_before_replace=None)
    assert (decision.verdict, decision.reason) == (expected, "so")


def test_inherits_what_is_unset():
    parent = Goal("g", "g", custom=False, protect=True, retain_on_delete=True, deleted_with="urn")
    child = inherited(Goal("t", "t", custom=True, protect=False), parent)
    assert (child.protect, child.retain_on_delete, child.deleted_with) == (False, True, "urn")


def test_without_property_dependencies_every_input_depends_on_everything():
    goal = Goal("t", "t", custom=True, inputs={"a": 1, "b": 2}, dependencies=("x",))
    assert inherited(goal, None).property_dependencies == {"a": ("x",), "b": ("x",)}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a[0].b", ("a", 0, "b")),
        ('a["x.y"]', ("a", "x.y")),
        ('a["q\\"q"].b', ("a", 'q"q', "b")),
        ("a[*]", ("a", "*")),
        ("*.b", ("*", "b")),
    ],
)
def test_parse(path, steps):
    assert parse(path) == steps


@pytest.mark.parametrize("path", ["a[", 'a["x]', "a..b", "a[-1]"])
def test_bad_paths_are_refused(path):
    with pytest.raises(UsageError, match="is not a property path"):
        parse(path)


@pytest.mark.parametrize(
    ("listed", "changed", "expected"),
    [("a", "a.b", True), ("a.b", "a", False), ("a[*].c", "a[3].c.d", True), ("a", "b", False)],
)
def test_covers(listed, changed, expected):
    assert covers(parse(listed), parse(changed)) is expected


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("a.b", [1]),
        ("a.x", []),
        ("l[*].k", [1, 2]),
        ("l[5].k", []),
        ("s.in", [3]),
        ("a.b.c", []),
        ("a.b[*]", []),
    ],
)
def test_found(path, values):
    document = {"a": {"b": 1}, "l": [{"k": 1}, {"k": 2}], "s": Secret({"in": 3})}
    assert found(document, parse(path)) == values


@pytest.mark.parametrize(
    ("old", "new", "path", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, "a", {"a": 1}, id="key"),
        pytest.param({"a": 1}, {}, "a", {"a": 1}, id="removed key comes back"),
        pytest.param({}, {"a": 2}, "a", {}, id="added key goes"),
        pytest.param({}, {}, "a.b", {}, id="nowhere in both"),
        pytest.param(
            {"a": {"b": 1, "c": 1}},
            {"a": {"b": 2, "c": 2}},
            "a.b",
            {"a": {"b": 1, "c": 2}},
            id="deep",
        ),
        pytest.param({"a": [1, 2]}, {"a": [3, 4]}, "a[1]", {"a": [3, 2]}, id="element"),
        pytest.param(
            {"a": [{"k": 1}]}, {"a": [{"k": 2}]}, "a[*].k", {"a": [{"k": 1}]}, id="every element"
        ),
        pytest.param({"a": 1, "b": 1}, {"a": 2, "c": 2}, "*", {"a": 1, "b": 1}, id="every key"),
        pytest.param({"x.y": 1}, {"x.y": 2}, '["x.y"]', {"x.y": 1}, id="odd key"),
        pytest.param(
            {"a": Secret({"b": 1})}, {"a": {"b": 2}}, "a.b", {"a": Secret({"b": 1})}, id="secret"
        ),
    ],
)
def test_ignore_changes(old, new, path, expected):
    assert ignoring(old, new, [path]) == (expected, [])


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ({"a": {"b": 1}}, {}, "a.b"),
        ({}, {"a": {"b": 1}}, "a.b"),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]"),
        ({"a": [1]}, {"a": [1, 2]}, "a[*]"),
        ({"a": 1}, {"a": 2}, "a.b"),
        ({"a": [1]}, {"a": [1]}, "a[7]"),
    ],
)
def test_ignored_paths_into_what_was_added_or_removed_are_returned(old, new, path):
    assert ignoring(old, new, [path]) == (new, [path])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": True}, {"a": "update"}),
        ({"a": 1}, {"b": 1}, {"a": "delete", "b": "add"}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a.b": "update"}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": "delete"}),
        ({"a": [1]}, {"a": [1, 2]}, {"a[1]": "add"}),
        ({"x.y": 1}, {"x.y": 2}, {'["x.y"]': "update"}),
        ({"a": Secret({"b": 1})}, {"a": {"b": 1}}, {}),
        ({"a": UNKNOWN}, {"a": UNKNOWN}, {"a": "update"}),
        ({"__internal": {}}, {"__internal": {"x": 1}}, {}),
    ],
)
def test_differences(old, new, expected):
    assert differences(old, new) == expected


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        pytest.param(
            Difference(changed=True, detailed={"a": "update"}, notes={"a": "in vain"}),
            {"a": "in vain"},
            id="an update shows it",
        ),
        pytest.param(
            Difference(changed=True, replaces=["b"], notes={"a": "in vain"}), {}, id="a replacement"
        ),
        pytest.param(Difference(changed=False, notes={"a": "in vain"}), {}, id="nothing changed"),
    ],
)
def test_notes_go_with_updates(difference, expected) -> None:
    old, new = resource({"a": 1}), resource({"a": 2})
    assert decide(old, new, difference, Forced(), delete_before_replace=None).notes == expected


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        pytest.param({"a": {"b": 2}}, "wanted 2, it is 1.", id="plain"),
        pytest.param({"a": {"b": Secret(2)}}, "wanted [secret], it is [secret].", id="secret"),
        pytest.param({"a": Secret({"b": 2})}, "wanted [secret], it is [secret].", id="all of it"),
    ],
)
def test_what_the_service_ignored_is_reported_and_kept(inputs, shown: str) -> None:
    existing = Existing("id", {"a": {"b": 1}}, {}, ignored=[Ignored("a.b", 2, 1)])
    kept, (line,) = with_ignored(resource(inputs), existing)
    assert bare(kept.inputs) == {"a": {"b": 1}}
    assert line.endswith(f"accepted a.b and ignored it: {shown}")
