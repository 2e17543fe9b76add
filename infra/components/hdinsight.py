"""An HDInsight Spark cluster attached to a workspace."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.catalogue.names import parse_arm_id
from infra.components.compute import Compute
from infra.components.inputs import derived
from infra.components.ssh import OverSshArgs, account, reached


@dataclass(frozen=True, kw_only=True)
class HDInsightArgs(OverSshArgs):
    """A Spark cluster with a public address, ``<cluster>-ssh.azurehdinsight.net``."""


class HDInsight(Compute):
    """A Spark cluster that takes PySpark runs. Destroying detaches it; the cluster stays."""

    def __init__(
        self, name: str, args: HDInsightArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        cluster = ml.HDInsightPropertiesArgs(
            address=args.address, ssh_port=args.ssh_port, administrator_account=account(args)
        )
        properties = ml.HDInsightArgs(
            compute_type="HDInsight",
            description=args.description,
            resource_id=args.resource_id,
            properties=cluster,
        )
        facts = {"kind": "hdinsight", **reached(args), "address": _host(args)}
        super().__init__(name, args, properties, opts, kind="HDInsight", facts=facts)


def _host(args: HDInsightArgs) -> pulumi.Input[str] | None:
    """Return the SSH host; with only an id, the one HDInsight derives from the cluster's name."""
    # Runs need an address, and the service derives this one from the name.
    if args.address is None and args.resource_id is not None:
        host: pulumi.Input[str] = derived(
            lambda id_: f"{parse_arm_id(id_).name}-ssh.azurehdinsight.net", args.resource_id
        )
        return host
    return args.address
