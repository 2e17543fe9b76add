"""One resource for each option; which of them are there depends on the configuration."""

import pulumi

from tests.engine.things import Fixed, Group, Thing

config = pulumi.Config("test")
shape = config.get("shape") or "round"
Options = pulumi.ResourceOptions

plain = Thing("plain", shape=shape)
group = Group("group", Options(protect=False))
Thing("child", Options(parent=group))
Thing("dependent", Options(depends_on=[plain]))
Thing("on-group", Options(depends_on=[group]))
Thing("secretive", Options(additional_secret_outputs=["size"]))
Thing("timed", Options(custom_timeouts=pulumi.CustomTimeouts(create="1h30m", delete="5m")))
Thing("ignoring", Options(ignore_changes=["label"]), label=config.get("label") or "one")
Thing("kept", Options(retain_on_delete=True))
Thing("covered", Options(deleted_with=plain))
Thing("following", Options(replace_with=[plain]))
Thing("triggered", Options(replacement_trigger=shape))
Thing("strict", Options(replace_on_changes=["label"]), label=config.get("label") or "one")
Thing("late", Options(delete_before_replace=True), shape=shape)
Fixed("early", Options(delete_before_replace=False), shape=shape, name=f"early-{shape}")
if config.get("protect"):
    Thing("safe", Options(protect=config.require_bool("protect")))
if config.get("import"):
    Thing("brought", Options(import_=config.require("import")), name="old", label="x")
if config.get("renamed"):
    alias = pulumi.Alias(name="before", parent=pulumi.ROOT_STACK_RESOURCE)
    Thing("after", Options(aliases=[alias, "urn:pulumi:dev::proj::test:index:Thing::no"]))
else:
    Thing("before")
