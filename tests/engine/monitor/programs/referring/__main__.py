"""Uses what other stacks have as outputs."""

import pulumi

from tests.engine.things import Thing

network = pulumi.StackReference("network")
shared = pulumi.StackReference("shared", stack_name="organization/shared/prod")
one = Thing("one", label=network.get_output("subnet"))
pulumi.export("subnet", network.require_output("subnet"))
pulumi.export("key", network.get_output("key"))
pulumi.export("registry", shared.get_output("registry"))
