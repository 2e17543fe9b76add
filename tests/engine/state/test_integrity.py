import pytest

from infra.contract.errors import StateError
from infra.engine.state.integrity import in_order, pruned, renamed, verify, violations

PROVIDER = {"urn": "p", "type": "pulumi:providers:t", "custom": True, "id": "1"}


def entry(urn, **keys):
    return {"urn": urn, "type": "t", "custom": True, **keys}


def urns(entries):
    return [each["urn"] for each in entries]


SOUND = [
    PROVIDER,
    entry("parent", provider="p::1"),
    entry("a", parent="parent", provider="p::1", id="x"),
    entry("a", id="y", delete=True, dependencies=["parent"]),
    entry("b", dependencies=["a"], propertyDependencies={"k": ["a"], "l": []}, deletedWith="a"),
    entry("c", provider="gone::9", pendingReplacement=True),
]


def test_a_sound_state_has_no_violations():
    assert violations(SOUND) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"type": "t"}, "Entry 0 (no urn) has no `urn`."),
        ({"urn": "a"}, "Entry 0 (a) has no `type`."),
        (entry("a", custom=False, id="x"), "Entry 0 (a) has an id but is not custom."),
        (entry("a", parent="z"), "Entry 0 (a) has the parent z, which is not before it."),
        (entry("a", deletedWith="z"), "Entry 0 (a) has the deletedWith z, which is not before it."),
        (
            entry("a", propertyDependencies={"k": ["z"]}),
            "Entry 0 (a) has the dependency of its property 'k' z, which is not before it.",
        ),
        (
            entry("a", provider="p::1"),
            "Entry 0 (a) has the provider p::1, which is not before it.",
        ),
    ],
)
def test_each_violation_names_entry_and_urn(broken, said):
    assert said in violations([broken])


def test_a_provider_of_another_id_is_not_the_one():
    assert len(violations([PROVIDER, entry("a", provider="p::2")])) == 1


def test_one_urn_is_live_once():
    assert violations([entry("a"), entry("a")]) == [
        "a occurs 2 times; all but one must be marked `delete`."
    ]


@pytest.mark.parametrize(
    ("broken", "remedy"),
    [(entry("a", parent="z"), "aml stack repair"), ({"urn": "a"}, "Restore a backup")],
)
def test_only_what_can_be_repaired_is_said_to_be(broken, remedy):
    with pytest.raises(StateError) as refused:
        verify([broken], at="file")
    assert remedy in refused.value.remedy


def test_all_violations_are_reported_at_once():
    with pytest.raises(StateError) as caught:
        verify([entry("a", parent="y"), entry("b", parent="z")], at="dev.json")
    assert caught.value.detail.count("\n") == 1
    assert (caught.value.at, "repair" in caught.value.remedy) == ("dev.json", True)


def test_sorting_leaves_a_sound_state_alone():
    assert in_order(SOUND) == SOUND


def test_sorting_moves_what_is_needed_before_what_needs_it():
    entries = [entry("c", dependencies=["b"]), entry("x"), entry("b", parent="a"), entry("a")]
    assert urns(in_order(entries)) == ["a", "b", "c", "x"]


def test_sorting_prefers_the_live_half_of_a_replacement():
    entries = [entry("b", dependencies=["a"]), entry("a", delete=True, id="1"), entry("a", id="2")]
    assert [each.get("id") for each in in_order(entries)] == ["2", None, "1"]


def test_sorting_survives_long_chains_and_circles():
    chain = [entry(str(n), dependencies=[str(n + 1)]) for n in range(5000)] + [entry("5000")]
    assert urns(in_order(chain))[0] == "5000"
    circle = [entry("a", parent="b"), entry("b", parent="a")]
    assert sorted(urns(in_order(circle))) == ["a", "b"]


def test_pruning_cuts_references_to_what_is_not_there():
    broken = entry(
        "a",
        parent="z",
        provider="z::1",
        dependencies=["z", "b"],
        propertyDependencies={"k": ["z"]},
        deletedWith="z",
        replaceWith=["z"],
    )
    assert pruned([entry("b"), broken])[1] == entry(
        "a", dependencies=["b"], propertyDependencies={"k": []}
    )


def test_pruning_gives_an_orphan_to_its_nearest_ancestor():
    entries = [entry("root"), entry("a", parent="gone")]
    gone = {"gone": "gone too", "gone too": "root"}
    assert pruned(entries, gone)[1]["parent"] == "root"


def test_what_was_never_there_is_not_pruned_as_gone():
    broken = [entry("a", dependencies=["gone", "never"], provider="never::1")]
    assert pruned(broken, {"gone": ""}) == [entry("a", dependencies=["never"], provider="never::1")]


def test_pruning_leaves_a_sound_state_alone():
    assert pruned(SOUND) == SOUND


def test_references_follow_a_new_name():
    old = entry(
        "a",
        parent="was",
        provider="was::1",
        dependencies=["was", "x"],
        propertyDependencies={"k": ["was"]},
        deletedWith="was",
        replaceWith=["was"],
    )
    assert renamed([entry("now"), old], {"was": "now"})[1] == entry(
        "a",
        parent="now",
        provider="now::1",
        dependencies=["now", "x"],
        propertyDependencies={"k": ["now"]},
        deletedWith="now",
        replaceWith=["now"],
    )


def test_a_former_name_that_is_borne_again_stays():
    entries = [entry("was"), entry("a", parent="was")]
    assert renamed(entries, {"was": "now"}) == entries
