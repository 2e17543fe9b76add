"""Reads a resource that is not its own, and one by the URN of another."""

import pulumi

from tests.engine.things import Thing

found = Thing("found", pulumi.ResourceOptions(id="/there"))
one = Thing("one", label=found.label)
again = one.urn.apply(lambda urn: Thing("one", pulumi.ResourceOptions(urn=urn)).size)
pulumi.export("label", found.label)
pulumi.export("again", again)
