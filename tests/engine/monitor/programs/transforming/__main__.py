"""Transforms of one resource, of a component's children, of the stack and of function calls."""

import pulumi
from pulumi import ResourceOptions as Options

what = pulumi.Config("test").get("what")


class Thing(pulumi.CustomResource):
    def __init__(self, name, props, opts=None):
        super().__init__("test:index:Thing", name, props, opts)


def adding(key, **options):
    def transform(args):
        if not args.custom:
            return None
        said = args.props.get("said") or ""
        return pulumi.ResourceTransformResult(
            {**args.props, "said": f"{said}{key}"}, Options.merge(args.opts, Options(**options))
        )

    return transform


async def failing(args):
    raise ValueError("not this way")


def asking(args):
    return pulumi.InvokeTransformResult({**args.args, "more": 1}, args.opts)


pulumi.runtime.register_resource_transform(adding("s", protect=True))
pulumi.runtime.register_invoke_transform(asking)
parent = pulumi.ComponentResource(
    "test:index:Parent", "parent", {}, Options(transforms=[adding("p")])
)
one = Thing("one", {"size": 1})
two = Thing("two", {"secret": pulumi.Output.secret("x"), "of": one.id},
            Options(parent=parent, transforms=[adding("o", ignore_changes=["size"])]))  # fmt: skip
if what == "failing":
    Thing("three", {}, Options(transforms=[failing]))
pulumi.export("echo", pulumi.runtime.invoke("test:index:echo", {"given": 0}).value)
