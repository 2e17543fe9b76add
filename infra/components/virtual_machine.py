"""A virtual machine, such as a Data Science VM, attached to a workspace."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.compute import Compute
from infra.components.ssh import OverSshArgs, account, reached


@dataclass(frozen=True, kw_only=True)
class VirtualMachineArgs(OverSshArgs):
    """An Ubuntu machine with a public IP address. The name has 2-16 characters."""


class VirtualMachine(Compute):
    """An existing machine that runs jobs. Destroying detaches it; the machine stays."""

    def __init__(
        self, name: str, args: VirtualMachineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        machine = ml.VirtualMachineSchemaPropertiesArgs(
            address=args.address, ssh_port=args.ssh_port, administrator_account=account(args)
        )
        properties = ml.VirtualMachineArgs(
            compute_type="VirtualMachine",
            description=args.description,
            resource_id=args.resource_id,
            properties=machine,
        )
        facts = {"kind": "virtual_machine", **reached(args)}
        super().__init__(name, args, properties, opts, kind="VirtualMachine", facts=facts)
