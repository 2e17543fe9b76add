"""Declares its resources in a coroutine."""

import asyncio

import pulumi

from tests.engine.things import Thing


async def main() -> dict[str, object]:
    await asyncio.sleep(0)
    return {"size": Thing("one", label="l").size, "when": "later"}


pulumi.run(main)
