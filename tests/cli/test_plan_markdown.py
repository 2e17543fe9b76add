"""A plan as a comment on a pull request."""

from infra.commands.plan_markdown import failure_markdown, plan_markdown
from infra.contract.errors import PlatformError
from infra.deploy.run.plan_prices import price_change
from infra.deploy.run.runner import EngineResult
from infra.engine.model.events import Op, Step, Summary
from tests.cli.test_plans import COMPUTE, SCALE

GROUPING = "aml:platform:Compute"
STORAGE = "azure-native:storage:StorageAccount"


def cluster(nodes, size="Standard_DS3_v2", region="westeurope"):
    inner = {"vmSize": size, "scaleSettings": {"maxNodeCount": nodes}}
    return {
        "location": region,
        "properties": {"computeType": "AmlCompute", "properties": inner},
    }


def step(op, name, type_=COMPUTE, **fields):
    return Step(op, f"urn:pulumi:dev::demo::{type_}::{name}", type_, **fields)


def comment(*steps, warnings=()):
    changes = {}
    for each in steps:
        changes[each.op] = changes.get(each.op, 0) + 1
    return plan_markdown("dev", "azure", EngineResult(steps, Summary(changes, 0.1, 0), warnings))


def test_counts_come_first_then_what_is_lost_then_the_table():
    text = comment(
        step(Op.CREATE, "new", new=cluster(1)),
        step(Op.DELETE, "old", old=cluster(2)),
        step(Op.SAME, "kept", new=cluster(1)),
    )
    lines = text.splitlines()
    assert lines[0] == "### Preview of stack `dev` (azure)"
    assert lines[2] == "**1 to create, 1 to delete, 1 unchanged**"
    assert "> **Lost with this change:** old (deleted)" in lines
    rows = [line for line in lines if line.startswith("| `")]
    assert [row.split("|")[3].strip() for row in rows] == ["old", "new"]


def test_details_are_collapsed_in_the_words_of_the_stack_file():
    diffs = {f"{SCALE}.maxNodeCount": "update", "tags.team": "add"}
    after = cluster(4) | {"tags": {"team": "ml"}}
    text = comment(step(Op.UPDATE, "cpu", diffs=diffs, old=cluster(2), new=after))
    assert "| max\\_nodes 2 → 4 … and 1 more |" in text
    assert "<details><summary>Details</summary>" in text
    assert "    max_nodes 2 → 4\n    tags.team (none) → ml\n" in text


def test_names_and_values_cannot_leave_their_cell():
    text = comment(step(Op.DELETE, "a|b<img>`"), warnings=["line\n# heading"])
    assert "| a\\|b\\<img\\>\\` |" in text
    assert "> line \\# heading" in text


def test_a_value_mentions_nobody_in_the_comment():
    text = comment(step(Op.DELETE, "x"), warnings=["ask @kim or ann@corp.example, @"])
    assert "> ask @<!-- -->kim or ann@corp.example, @" in text


def test_components_that_are_counted_and_not_listed_are_said_to_be():
    text = comment(step(Op.DELETE, "old", old=cluster(2)), step(Op.DELETE, "old", GROUPING))
    assert "**2 to delete**" in text
    assert "… and 1 component that groups these resources." in text
    assert text.count("| `-` delete |") == 1
    assert "groups these" not in comment(step(Op.DELETE, "old", old=cluster(2)))


def test_a_long_plan_is_cut_to_what_a_comment_holds():
    steps = [
        step(
            Op.UPDATE,
            f"c{number}",
            diffs={"tags.note": "update"},
            old={"tags": {"note": "a" * 400}},
            new={"tags": {"note": "b" * 400}},
        )
        for number in range(200)
    ]
    text = comment(*steps)
    assert len(text) <= 65_000
    assert text.endswith("</details>\n")


def test_no_changes_say_so():
    assert comment(step(Op.SAME, "kept")).splitlines()[2] == "**no changes (1 unchanged)**"


def test_the_price_of_a_plan_is_that_of_every_node():
    change = price_change(
        [
            step(Op.UPDATE, "cpu", old=cluster(1), new=cluster(3)),
            step(Op.SAME, "same", new=cluster(1)),
            step(Op.CREATE, "odd", new=cluster(1, size="Standard_Unheard_Of")),
            step(Op.CREATE, "account", STORAGE, new={}),
        ]
    )
    assert change is not None
    node = change.before / 2
    assert node > 0
    assert round(change.after / node) == 4
    assert change.unpriced == ("Standard_Unheard_Of",)
    assert "at most" in str(change)


def test_a_replacement_is_priced_once():
    change = price_change(
        [
            step(Op.REPLACE, "cpu", old=cluster(1), new=cluster(2)),
            step(Op.CREATE_REPLACEMENT, "cpu", old=cluster(1), new=cluster(2)),
            step(Op.DELETE_REPLACED, "cpu", old=cluster(1)),
        ]
    )
    assert change is not None
    assert round(change.after / change.before) == 2


def test_a_plan_without_priced_nodes_has_no_price():
    assert price_change([step(Op.CREATE, "account", STORAGE, new={})]) is None


def test_a_failure_cannot_leave_its_block_or_fill_the_comment():
    text = failure_markdown("dev", PlatformError("a\n```\n# b" + "x" * 9_000, remedy="Ask @ops."))
    assert text.count("```") == 2
    assert len(text) < 4_300
    assert text.endswith("\n```\n\nAsk @<!-- -->ops.\n")
