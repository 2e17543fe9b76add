"""Goes wrong after its first resource, in the way the configuration says."""

import asyncio

import pulumi

from tests.engine.things import Thing

how = pulumi.Config("test").get("how")


async def later() -> str:
    await asyncio.sleep(0)
    raise ValueError("later")


def fail(_: object) -> None:
    raise ValueError("in an apply")


one = Thing("one")
if how == "raise":
    raise ValueError("no such thing")
if how == "leave":
    raise SystemExit(3)
if how == "run error":
    raise pulumi.RunError("said plainly")
if how == "apply":
    one.size.apply(fail)
if how == "later":
    pulumi.export("later", pulumi.Output.from_input(later()))
if how == "log":
    pulumi.log.error("something is wrong")
if how == "bad input":
    Thing("bad", label="bad")
if how == "twice":
    Thing("one")
if how not in {"raise", "apply", "log"}:
    Thing("two")
