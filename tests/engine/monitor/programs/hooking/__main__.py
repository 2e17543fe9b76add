"""Hooks of a resource and of a component; they log what they get."""

import pulumi
from pulumi import ErrorHook, ResourceHook, ResourceHookBinding, ResourceHookOptions
from pulumi import ResourceOptions as Options

config = pulumi.Config("test")
what, size = config.get("what"), config.get_int("size")
EVENTS = [
    f"{when}_{verb}" for when in ("before", "after") for verb in ("create", "update", "delete")
]


class Thing(pulumi.CustomResource):
    def __init__(self, name, props, opts=None):
        super().__init__("test:index:Thing", name, props, opts)


def logging(event):
    def run(args):
        sizes = [
            int(size) if isinstance(size := (values or {}).get("size"), int | float) else 0
            for values in (args.old_inputs, args.new_inputs, args.old_outputs, args.new_outputs)
        ]
        pulumi.log.info(f"{event} {args.name} {bool(args.id)} {sizes}")
        if what == event:
            raise ValueError(f"not {event}")

    return run


def hook(event):
    options = ResourceHookOptions(on_dry_run=what == "dry", ignore_errors=what == "before_update")
    return ResourceHook(event, logging(event), opts=options)


tries = []


def on_error(args):
    tries.append(args)
    pulumi.log.info(f"on_error {args.name} {args.failed_operation} {len(args.errors)}")
    if what == "on_error":
        raise ValueError("no idea")
    return what == "forever" or len(tries) < 3


hooks = {event: hook(event) for event in EVENTS}
if what == "twice":
    ResourceHook("before_create", logging("second"))
binding = ResourceHookBinding(
    **{event: [each] for event, each in hooks.items()}, on_error=[ErrorHook("retry", on_error)]
)
if what != "gone":
    Thing("one", {"size": size, "secret": pulumi.Output.secret("x")}, Options(hooks=binding))
    group = pulumi.ComponentResource(
        "test:index:Group", "group", {"size": size}, Options(hooks=binding)
    )
    Thing("two", {"x": 1}, Options(parent=group))
    group.register_outputs({"size": 7})
