"""What exists already: ``.get``, the import option, functions, references by URN."""

import pytest

from infra.contract.errors import UsageError
from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Op
from infra.engine.model.goals import Answer
from infra.engine.model.values import Secret
from tests.engine.cloud import nothing, urn_of


@pytest.fixture
def there(stage):
    """Return a stage in whose cloud ``/x`` exists, made by another program."""
    stage.cloud.things["/x"] = {"name": "x", "size": 3}
    return stage


def test_read_external(there):
    seen = []
    result = there.up(lambda p: seen.append(p.get("a", "/x")))
    assert result.steps == [(Op.READ, "a")]
    assert result.resource("a").external
    assert seen[0].id == "/x"
    assert seen[0].outputs["name"] == "x"
    assert there.up(lambda p: p.get("a", "/x")).steps == [(Op.READ, "a")]


def test_what_is_read_has_no_dependencies_by_property(there):
    def script(p):
        made = p.thing("first")
        p.get("a", "/x", inputs={"name": "x"}, dependencies=(made.urn,))

    read = there.up(script).resource("a")
    assert read.dependencies == (urn_of("first"),)
    assert read.property_dependencies == {}


def test_what_is_read_has_the_inputs_that_the_program_gave(there):
    assert there.up(lambda p: p.get("a", "/x")).resource("a").inputs == {}
    given = {"name": Secret("x")}
    read = there.up(lambda p: p.get("a", "/x", inputs=given)).resource("a")
    assert read.inputs == given
    assert read.outputs["name"] == Secret("x")


def test_read_external_in_previews(there):
    assert there.preview(lambda p: p.get("a", "/x")).steps == [(Op.READ, "a")]
    assert there.preview(lambda p: p.get("a", UNKNOWN)).steps == []


def test_an_unknown_id_answers_unknown(there):
    seen = []
    there.preview(lambda p: seen.append(p.get("a", UNKNOWN)))
    assert seen == [Answer(urn_of("a"), unknown=True)]


def test_missing_read_is_an_error(stage):
    result = stage.up(lambda p: p.get("a", "/nowhere"))
    assert "should exist as '/nowhere', but there is no such resource" in result.errors
    assert result.names == []


def test_external_is_never_deleted(there):
    there.up(lambda p: p.get("a", "/x"))
    assert there.up(nothing).steps == [(Op.DISCARD, "a")]
    assert "/x" in there.cloud.things


def test_relinquish_keeps_what_was_ours(stage):
    id_ = stage.up(lambda p: p.thing("a")).resource("a").id
    result = stage.up(lambda p: p.get("a", id_))
    assert result.resource("a").external
    assert stage.up(nothing).steps == [(Op.DISCARD, "a")]
    assert list(stage.cloud.things) == [id_]


def test_reading_another_deletes_what_was_ours(there):
    there.up(lambda p: p.thing("a"))
    result = there.up(lambda p: p.get("a", "/x"))
    assert result.steps == [(Op.READ, "a"), (Op.DELETE_REPLACED, "a")]
    assert list(there.cloud.things) == ["/x"]


def test_a_resource_that_was_only_read_can_be_replaced(there):
    there.up(lambda p: p.get("a", "/x"))
    result = there.up(lambda p: p.thing("a"))
    assert (Op.REPLACE, "a") in result.steps
    assert not result.resource("a").external
    assert "/x" in there.cloud.things


def imported(p, inputs=None, **options):
    said = {"import_id": "/x", **options}
    p.resource("a", inputs={"name": "x", "size": 3} if inputs is None else inputs, **said)


def test_import_option(there):
    result = there.up(imported)
    assert result.steps == [(Op.IMPORT, "a")]
    assert result.resource("a").import_id == "/x"
    assert result.resource("a").id == "/x"
    assert there.up(imported).steps == [(Op.SAME, "a")]
    assert there.cloud.verbs("create") == []


def test_import_then_update(there):
    result = there.up(lambda p: imported(p, {"name": "x", "size": 4}))
    assert result.steps == [(Op.IMPORT, "a"), (Op.UPDATE, "a")]
    assert there.cloud.things["/x"]["size"] == 4
    assert result.resource("a").import_id == "/x"


@pytest.mark.timeout(30)
def test_an_import_needs_one_slot_alone(there):
    assert there.up(imported, parallel=1).steps == [(Op.IMPORT, "a")]


def test_import_id_is_preserved_across_updates(there):
    there.up(imported)
    changed = there.up(lambda p: imported(p, {"name": "x", "size": 4}))
    assert changed.steps == [(Op.UPDATE, "a")]
    left_out = there.up(lambda p: p.thing("a", name="x", size=4))
    assert left_out.resource("a").import_id == "/x"


def test_import_refuses_to_replace_and_names_the_keys(there):
    result = there.up(lambda p: imported(p, {"name": "y", "size": 3}))
    assert "the program differs from it in name" in result.errors
    assert result.resource("a").id == "/x"


def test_import_of_nothing_is_an_error(stage):
    assert "there is no such resource" in stage.up(imported).errors


def test_import_in_place_of_what_was_created(there):
    there.up(lambda p: p.thing("a"))
    result = there.up(imported)
    assert result.steps[0] == (Op.IMPORT, "a")
    assert list(there.cloud.things) == ["/x"]


def test_import_of_what_was_only_read(there):
    there.up(lambda p: p.get("a", "/x"))
    result = there.up(imported)
    assert result.steps == [(Op.IMPORT, "a")]
    assert not result.resource("a").external
    assert result.names == ["a"]


def test_import_of_a_secret_input(there):
    result = there.up(lambda p: imported(p, {"name": "x", "size": Secret(3)}))
    assert result.resource("a").inputs["size"] == Secret(3)


def test_invokes(stage):
    seen = []

    def script(p):
        seen.append(p.deployment.invoke("test:index:echo", {"x": 1}))

    stage.up(script)
    stage.preview(script)
    assert seen == [{"echo": {"x": 1}, "preview": False}, {"echo": {"x": 1}, "preview": True}]


def test_invoke_through_an_explicit_provider(accounts):
    def script(p):
        made = p.resource("mine", "pulumi:providers:test", {"account": "5"})
        p.deployment.invoke("test:index:echo", {}, provider=f"{made.urn}::{made.id}")

    accounts.up(script)
    assert accounts.providers[-1].config == {"account": "5"}


def test_invoke_of_a_provider_without_functions(plain):
    def script(p):
        with pytest.raises(UsageError, match="has no functions"):
            p.deployment.invoke("test:index:echo", {})

    assert not plain.up(script).summary.failed


def test_get_resource_by_urn(stage):
    seen = []

    def script(p):
        made = p.thing("a", x=1)
        seen.append(p.deployment.invoke("pulumi:pulumi:getResource", {"urn": made.urn}))
        with pytest.raises(UsageError, match="no resource"):
            p.deployment.invoke("pulumi:pulumi:getResource", {"urn": urn_of("b")})

    stage.up(script)
    assert seen[0]["id"].startswith("/a-")
    assert seen[0]["state"]["x"] == 1
