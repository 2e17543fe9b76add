"""A transform adds a tag to all."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")


def tagged(args):
    if args.type_ != "azure-native:resources:ResourceGroup":
        return None
    tags = {**args.props.get("tags", {}), "by": f"transform{step}"}
    return pulumi.ResourceTransformResult({**args.props, "tags": tags}, args.opts)


pulumi.runtime.register_resource_transform(tagged)
resources.ResourceGroup("group", resource_group_name=f"{name}-rg", tags={"own": "yes"})
