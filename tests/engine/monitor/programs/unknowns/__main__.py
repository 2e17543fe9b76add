"""What is known only after deployment goes through inputs, applies and outputs."""

import pulumi

from tests.engine.things import Thing


def seen(size: int) -> str:
    print(f"applied to {size!r}")
    return f"size is {size}"


one = Thing("one", label="l")
two = Thing("two", label=one.size.apply(seen), of=one.id)
pulumi.Output.all(one.label, two.of).apply(lambda both: print(f"both are {both[0]}"))
pulumi.export("label", two.label)
pulumi.export("known", one.label)
pulumi.export("whole", one)
