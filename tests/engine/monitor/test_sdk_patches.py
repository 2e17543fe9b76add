"""Each patch gives the SDK's own answers, and steps back from an SDK it does not know."""

import ast
import asyncio
import types
from itertools import pairwise
from pathlib import Path

import pulumi
import pulumi.runtime.resource as registration
import pulumi.runtime.resource_cycle_breaker as cycles
import pulumi.runtime.stack
import pytest

from infra.engine.monitor import sdk_patches

BY_NAME = {patch.name: patch for patch in sdk_patches.SDK_PATCHES}
ALIASES = [
    pulumi.Alias(name="old"),
    pulumi.Alias(type_="a:b:Old"),
    pulumi.Alias(name="old", type_="a:b:Old"),
    pulumi.Alias(name=None, type_="a:b:Old"),
    pulumi.Alias(name="old", parent=None),
    pulumi.Alias(name="old", parent="urn:pulumi:s::p::a:b:C::parent"),
    pulumi.Alias(stack="other"),
    pulumi.Alias(project="other"),
    pulumi.Alias(),
    "urn:pulumi:s::p::a:b:C::old",
]


def made(name):
    return BY_NAME[name].make()


@pytest.mark.parametrize("patch", sdk_patches.SDK_PATCHES, ids=lambda patch: patch.name)
def test_a_patch_fits_the_sdk_that_is_installed(patch):
    assert patch.fits()


@pytest.mark.parametrize("patch", sdk_patches.SDK_PATCHES, ids=lambda patch: patch.name)
def test_the_sdk_is_as_it_was_afterwards(patch):
    names = patch.make()
    before = {name: getattr(patch.module, name) for name in names}
    with sdk_patches.patched(sdk_patches.SDK_PATCHES, print):
        assert all(getattr(patch.module, name) is not before[name] for name in names)
    assert {name: getattr(patch.module, name) for name in names} == before


def test_the_sdk_is_as_it_was_after_an_error_too():
    before = registration.prepare_aliases
    with pytest.raises(ValueError, match="x"), sdk_patches.patched(sdk_patches.SDK_PATCHES, print):
        raise ValueError("x")
    assert registration.prepare_aliases is before


@pytest.mark.parametrize("fits", [lambda: False, lambda: {}["gone"]])
def test_a_patch_that_does_not_fit_is_reported_and_not_applied(fits):
    module, warned = types.SimpleNamespace(value=1), []
    patch = sdk_patches.SdkPatch("odd", module, fits, lambda: {"value": 2})
    with sdk_patches.patched([patch], warned.append):
        assert module.value == 1
    assert warned == ["odd"]


def test_a_reader_more_of_alias_urns_is_noticed():
    module = types.ModuleType("pulumi.later")
    exec("class Resource:\n    def more(self): return [a for a in self._aliases]", vars(module))  # noqa: S102 - code of a module that does not exist
    assert sdk_patches.readers("_aliases", [module]) == {"Resource.more"}


@pytest.mark.parametrize("alias", ALIASES, ids=lambda alias: str(getattr(alias, "__dict__", alias)))
def test_aliases_are_prepared_as_the_sdk_does(alias):
    options = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="first"), alias])

    async def both():
        quick = made("alias specifications")["prepare_aliases"]
        given = (None, options, True)
        return await registration.prepare_aliases(*given), await quick(*given)

    expected, got = asyncio.run(both())
    assert got == expected


def test_no_aliases_are_none():
    quick = made("alias specifications")["prepare_aliases"]
    assert asyncio.run(quick(None, None, supports=True)) == []
    assert asyncio.run(quick(None, pulumi.ResourceOptions(), supports=True)) == []


async def _fails(after_s):
    await asyncio.sleep(after_s)
    raise ValueError("failed")


def test_waiting_ends_with_the_first_error():
    async def wait():
        tasks = [asyncio.ensure_future(one) for one in (asyncio.sleep(10), _fails(0))]
        done, waiting = await made("waiting for outputs")["asyncio"].wait(
            tasks, return_when=asyncio.FIRST_COMPLETED
        )
        tasks[0].cancel()
        return [task.exception() for task in done], len(waiting)

    errors, waiting = asyncio.run(wait())
    assert [str(error) for error in errors] == ["failed"]
    assert waiting == 1


def test_waiting_is_woken_once_for_many():
    async def after(turns):
        for _ in range(turns):
            await asyncio.sleep(0)

    async def wait():
        asyncio.get_running_loop().time = lambda: 0.0  # so it is never time to look again
        tasks = [asyncio.ensure_future(after(n)) for n in range(20)]
        done, _ = await made("waiting for outputs")["asyncio"].wait(tasks)
        return len(done)

    assert asyncio.run(wait()) == 20


EDGES = {
    "chain": [(0, 1), (1, 2), (2, 3)],
    "diamond": [(0, 1), (0, 2), (1, 3), (2, 3)],
    "ring": [(0, 1), (1, 2), (2, 0)],
    "apart": [(0, 1), (2, 3)],
}


@pytest.mark.parametrize("edges", EDGES.values(), ids=EDGES)
def test_cycles_are_found_as_the_sdk_does(edges):
    quick = made("dependency cycles")
    nodes = [sdk_patches.CycleNode() for _ in range(4)]
    for one, other in edges:
        quick["_add_dep"](nodes[one], nodes[other])
    pairs = [(one, other) for one in nodes for other in nodes]
    assert [quick["_reachable"](*pair) for pair in pairs] == [
        cycles._reachable(*pair) for pair in pairs
    ]


def test_a_long_chain_is_no_recursion():
    quick = made("dependency cycles")
    nodes = [sdk_patches.CycleNode() for _ in range(5000)]
    for one, other in pairwise(nodes):
        quick["_add_dep"](one, other)
    assert quick["_reachable"](nodes[0], nodes[-1])


def test_without_a_constructor_there_is_no_position():
    assert len(made("source positions")["_get_stack_trace"]().frames) == 0


def test_only_the_monitor_its_messages_and_the_sdk_patches_know_pulumi():
    def imports(file):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or ""

    files = Path(sdk_patches.__file__).parent.glob("*.py")
    knowing = {f.stem for f in files if any(i.partition(".")[0] == "pulumi" for i in imports(f))}
    assert knowing == {
        "callbacks",
        "hooks",
        "lazy_types",
        "monitor",
        "remote",
        "sdk_patches",
        "transforms",
    }
