"""What `--target` and `--exclude` name."""

import pytest

from infra.contract.errors import UnknownNameError
from infra.engine.model.resources import Resource
from infra.engine.planning.targets import Targets
from tests.engine.cloud import urn_of

A, B, C = urn_of("a"), urn_of("b"), urn_of("c")
CHILD = urn_of("a", parent=urn_of("group", "my:index:Group"))


@pytest.mark.parametrize(
    ("named", "urn", "matches"),
    [
        (A, A, True),
        (A, B, False),
        ("a", A, True),
        ("a", CHILD, True),
        ("a", urn_of("aa"), False),
        ("**::a", CHILD, True),
        ("urn:pulumi:*::proj::**::a", A, True),
        ("urn:*::a", A, False),
        ("**Group$**", CHILD, True),
        ("a.", urn_of("ab"), False),
    ],
)
def test_names_urns_and_patterns(named, urn, matches):
    assert Targets((named,)).names(urn) is matches


def test_a_pattern_may_match_nothing_and_a_name_may_not():
    Targets(("**::nope",)).refuse_missing({A})
    with pytest.raises(UnknownNameError, match="Did you mean 'apple'"):
        Targets(("aple",)).refuse_missing({urn_of("apple")})


STATE = [
    Resource(A, "test:index:Thing", custom=True),
    Resource(B, "test:index:Thing", custom=True, dependencies=(A,)),
    Resource(C, "test:index:Thing", custom=True, dependencies=(B,)),
]


@pytest.mark.parametrize(
    ("targets", "destroyed", "read"),
    [
        (Targets(("a",)), {A}, {A}),
        (Targets(("a",), dependents=True), {A, B, C}, {A, B, C}),
        (Targets(exclude=("b",)), {C}, {A, C}),
        (Targets(exclude=("c",)), set(), {A, B}),
        (Targets(exclude=("b",), dependents=True), set(), {A}),
        (Targets(exclude=("nothing",)), {A, B, C}, {A, B, C}),
    ],
)
def test_what_an_operation_over_state_is_about(targets, destroyed, read):
    assert targets.destroyed(STATE) == destroyed
    assert targets.read(STATE) == read
