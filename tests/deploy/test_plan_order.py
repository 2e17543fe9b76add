"""The order in which a plan is shown, however the engine came by it."""

from itertools import permutations

from infra.deploy.run.plan_order import in_order
from infra.engine.model.events import Op, Step


def step(name, *after, op=Op.CREATE, type="t"):
    return Step(op, name, type, after=after)


def test_independent_resources_are_in_one_order_whatever_order_they_finished_in():
    steps = [
        step("group"),
        step("vault", "group", type="vault"),
        step("storage", "group", type="storage"),
        step("workspace", "vault", "storage", "unchanged"),
        step("b", "workspace"),
        step("a", "workspace"),
    ]
    orders = {tuple(each.urn for each in in_order(order)) for order in permutations(steps)}
    assert orders == {("group", "storage", "vault", "workspace", "a", "b")}


def test_deletions_come_last_and_what_depends_goes_first():
    steps = [
        step("group", op=Op.DELETE),
        step("vault", "group", op=Op.DELETE),
        step("new"),
        step("vm", "vault", op=Op.DELETE),
    ]
    orders = {tuple(each.urn for each in in_order(order)) for order in permutations(steps)}
    assert orders == {("new", "vm", "vault", "group")}


def test_both_halves_of_a_replacement_are_kept():
    halves = [step("a", op=Op.CREATE_REPLACEMENT), step("a", op=Op.REPLACE)]
    assert list(in_order([*halves, step("a", op=Op.DELETE_REPLACED)]))[:2] == halves
