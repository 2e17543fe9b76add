"""A package of one resource type, as programs under test use it; nothing is generated."""

import pulumi


class Thing(pulumi.CustomResource):
    size: pulumi.Output[int]
    keys: pulumi.Output[str]
    label: pulumi.Output[str]
    of: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        /,
        opts: pulumi.ResourceOptions | None = None,
        type: str = "test:index:Thing",
        **inputs: pulumi.Input[object],
    ) -> None:
        known = {"size": None, "keys": None, "label": None, "of": None}
        super().__init__(type, name, {**known, **inputs}, opts)


class Fixed(Thing):
    """Goes before its replacement comes."""

    def __init__(
        self,
        name: str,
        /,
        opts: pulumi.ResourceOptions | None = None,
        **inputs: pulumi.Input[object],
    ) -> None:
        super().__init__(name, opts, "test:index:Fixed", **inputs)


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Group", name, None, opts)
