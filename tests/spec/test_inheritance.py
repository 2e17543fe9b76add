"""A stack file that extends another: what is merged, what is refused, and where problems are."""

import pytest

from infra.contract.inheritance import merged
from infra.spec.inheritance import merged_text
from infra.spec.load import inspect_stack, inspect_text, load_stack

BASE = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:tags: {team: ml, stage: base}
  aml:workspace: {name: shop, resource_group: shop-rg}
  aml:computes:
    - {kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 2}
    - {kind: aml_compute, name: gpu, vm_size: STANDARD_NC6S_V3, max_nodes: 1}
"""
PROD = """\
config:
  aml:extends: base
  aml:tags: {stage: prod}
  aml:workspace: {name: shop-prod}
  aml:computes:
    - {kind: aml_compute, name: big, vm_size: STANDARD_DS4_V2, max_nodes: 8}
    - {name: cpu, max_nodes: 20}
"""


@pytest.fixture
def written(tmp_path):
    """Write stack files by name; return the first."""

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path / f"Pulumi.{next(iter(texts))}.yaml"

    return write


@pytest.mark.parametrize(
    ("own", "base", "found"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 2}, {"a": 1, "b": 1}, {"a": 2, "b": 1}),
        ({"a": {"x": 2}}, {"a": {"x": 1, "y": 1}}, {"a": {"x": 2, "y": 1}}),
        ({"a": None}, {"a": 1}, {}),
        ({"a": {"x": None}}, {"a": {"x": 1, "y": 1}}, {"a": {"y": 1}}),
        ({"a": [1]}, {"a": [2, 3]}, {"a": [1]}),
        ({"a": []}, {"a": [{"name": "x"}]}, {"a": []}),
        (
            {"a": [{"name": "z"}, {"name": "y", "n": 2}]},
            {"a": [{"name": "x"}, {"name": "y", "n": 1, "m": 1}]},
            {"a": [{"name": "z"}, {"name": "y", "n": 2, "m": 1}, {"name": "x"}]},
        ),
        ({"a": {"x": 1}}, {"a": "text"}, {"a": {"x": 1}}),
    ],
)
def test_what_a_file_has_comes_before_what_it_inherits(own, base, found):
    assert merged({"aml:extends": "base", **own}, base)[0] == found


def test_an_environment_says_what_differs(written):
    spec = load_stack(written(prod=PROD, base=BASE))
    assert (spec.workspace.name, spec.workspace.resource_group) == ("shop-prod", "shop-rg")
    assert spec.tags == {"team": "ml", "stage": "prod"}
    assert {each.name: each.max_nodes for each in spec.computes} == {"big": 8, "cpu": 20, "gpu": 1}


def test_a_problem_of_what_is_inherited_names_its_line_there(written):
    base = BASE.replace("max_nodes: 2", "max_nodes: two")
    prod = PROD.replace("    - {name: cpu, max_nodes: 20}\n", "")
    (problem,) = inspect_stack(written(prod=prod, base=base)).problems
    assert problem.path == "aml:computes[1].max_nodes"
    assert problem.line == 2
    assert problem.message.endswith("(Pulumi.base.yaml, line 7)")


def test_a_problem_of_the_file_itself_has_its_own_line(written):
    prod = PROD.replace("max_nodes: 20", "max_node: 20")
    found = inspect_stack(written(prod=prod, base=BASE)).problems
    assert [(each.line, each.path) for each in found] == [(7, "aml:computes[1].max_node")]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"prod": PROD, "bases": BASE}, "Pulumi.base.yaml does not exist. Did you mean 'bases'?"),
        ({"prod": PROD, "base": PROD}, "extends another: one level is allowed."),
        ({"prod": PROD.replace("base", "../base")}, "names a stack beside this one"),
        ({"prod": PROD.replace("base", "[base]")}, "names a stack beside this one"),
        ({"prod": PROD, "base": "config: [\n"}, "Pulumi.base.yaml, line"),
    ],
)
def test_what_cannot_be_extended_is_refused_at_its_line(written, texts, said):
    (problem,) = inspect_stack(written(**texts)).problems
    assert problem.line == 2
    assert said in str(problem)


def test_secrets_are_of_one_environment(written):
    sealed = "{secure: 'v1:AAAAAAAAAAAAAAAA:AAAA'}"
    secret = f"    - {{kind: databricks, name: dbr, access_token: {sealed}}}\n"
    base = f"encryptionsalt: v1:AAAA:v1:AAAA:AAAA\n{BASE}{secret}"
    found = inspect_stack(written(prod=PROD, base=base)).problems
    (said,) = [str(each) for each in found if "encrypted for another stack" in each.message]
    assert "(Pulumi.base.yaml, line 10)" in said
    assert "Encrypt it in this file" in said


def test_what_is_shown_is_a_stack_file_that_means_the_same(written):
    file = written(prod=PROD, base=BASE)
    shown = merged_text(file)
    assert "aml:extends" not in shown
    assert inspect_text(shown).spec == load_stack(file)


def test_without_the_other_files_a_file_that_extends_one_is_refused():
    assert inspect_text(PROD).spec is None
