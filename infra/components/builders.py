"""Builds the component of each entry of ``aml:computes``: a function for each kind, in a table."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi_azure_native import machinelearningservices as ml

from infra.components.batch import Batch, BatchArgs
from infra.components.cluster import Cluster, ClusterArgs
from infra.components.compute import Compute
from infra.components.context import StackContext
from infra.components.data_lake_analytics import DataLakeAnalytics, DataLakeAnalyticsArgs
from infra.components.databricks import Databricks, DatabricksArgs
from infra.components.hdinsight import HDInsight, HDInsightArgs
from infra.components.instance import (
    Instance,
    InstanceArgs,
    cron_schedule,
    inline_script,
    recurring_schedule,
    stored_script,
)
from infra.components.kubernetes import Kubernetes, KubernetesArgs, instance_type
from infra.components.synapse_spark import SynapseSpark, SynapseSparkArgs
from infra.components.virtual_machine import VirtualMachine, VirtualMachineArgs
from infra.contract.json_types import JsonObject
from infra.spec.attachments import (
    BatchSpec,
    DatabricksSpec,
    DataLakeAnalyticsSpec,
    HDInsightSpec,
    KubernetesSpec,
    SynapseSparkSpec,
    VirtualMachineSpec,
)
from infra.spec.clusters import AmlComputeSpec
from infra.spec.instances import ComputeInstanceSpec, ScheduleSpec, ScriptSpec

OverSsh = VirtualMachineSpec | HDInsightSpec


def cluster(context: StackContext, wanted: AmlComputeSpec) -> Compute:
    admin = wanted.admin
    args = ClusterArgs(
        **context.compute(wanted),
        vm_size=wanted.vm_size,
        max_nodes=wanted.max_nodes,
        min_nodes=wanted.min_nodes,
        idle_seconds=wanted.idle_seconds,
        priority=wanted.priority,
        os=wanted.os,
        identity=context.identity(wanted.identity),
        subnet_id=context.subnet_id(wanted),
        node_public_ip=wanted.node_public_ip,
        isolated_network=wanted.isolated_network,
        admin_user=admin.user if admin else None,
        admin_ssh_public_key=context.secret(admin.ssh_public_key if admin else None),
        admin_password=context.secret(admin.password if admin else None),
        remote_login=wanted.remote_login,
        disable_local_auth=wanted.disable_local_auth,
    )
    return Cluster(context.named(wanted.name), args, context.options)


def instance(context: StackContext, wanted: ComputeInstanceSpec) -> Compute:
    person, setup = wanted.assigned_user, wanted.setup
    args = InstanceArgs(
        **context.compute(wanted),
        vm_size=wanted.vm_size,
        ssh_public_key=context.secret(wanted.ssh_public_key),
        subnet_id=context.subnet_id(wanted),
        node_public_ip=wanted.node_public_ip,
        assigned_object_id=person.object_id if person else None,
        assigned_tenant_id=person.tenant_id if person else None,
        authorization_type=wanted.authorization_type,
        application_sharing=wanted.application_sharing,
        sso=wanted.sso,
        disable_local_auth=wanted.disable_local_auth,
        idle_shutdown_minutes=wanted.idle_shutdown_minutes,
        schedules=[_schedule(each) for each in wanted.schedules],
        creation_script=_script(setup.creation_script if setup else None),
        startup_script=_script(setup.startup_script if setup else None),
        identity=context.identity(wanted.identity),
    )
    return Instance(context.named(wanted.name), args, context.options)


def virtual_machine(context: StackContext, wanted: VirtualMachineSpec) -> Compute:
    args = VirtualMachineArgs(**context.compute(wanted), **_account(context, wanted))
    return VirtualMachine(context.named(wanted.name), args, context.options)


def hdinsight(context: StackContext, wanted: HDInsightSpec) -> Compute:
    args = HDInsightArgs(**context.compute(wanted), **_account(context, wanted))
    return HDInsight(context.named(wanted.name), args, context.options)


def batch(context: StackContext, wanted: BatchSpec) -> Compute:
    args = BatchArgs(**context.compute(wanted), resource_id=wanted.resource_id)
    return Batch(context.named(wanted.name), args, context.options)


def databricks(context: StackContext, wanted: DatabricksSpec) -> Compute:
    args = DatabricksArgs(
        **context.compute(wanted),
        resource_id=wanted.resource_id,
        access_token=context.read(wanted.access_token),
        references=context.references(wanted.name, access_token=wanted.access_token),
    )
    return Databricks(context.named(wanted.name), args, context.options)


def data_lake_analytics(context: StackContext, wanted: DataLakeAnalyticsSpec) -> Compute:
    args = DataLakeAnalyticsArgs(**context.compute(wanted), resource_id=wanted.resource_id)
    return DataLakeAnalytics(context.named(wanted.name), args, context.options)


def kubernetes(context: StackContext, wanted: KubernetesSpec) -> Compute:
    args = KubernetesArgs(
        **context.compute(wanted),
        resource_id=context.clusters[wanted.cluster]
        if wanted.cluster
        else wanted.resource_id or "",
        namespace=wanted.namespace,
        default_instance_type=wanted.default_instance_type,
        instance_types={
            name: instance_type(
                node_selector=each.node_selector,
                requests=each.resources.requests,
                limits=each.resources.limits,
            )
            for name, each in wanted.instance_types.items()
        },
        identity=context.identity(wanted.identity),
    )
    return Kubernetes(context.named(wanted.name), args, context.options)


def synapse_spark(context: StackContext, wanted: SynapseSparkSpec) -> Compute:
    args = SynapseSparkArgs(
        **context.compute(wanted),
        resource_id=wanted.resource_id,
        identity=context.identity(wanted.identity),
    )
    return SynapseSpark(context.named(wanted.name), args, context.options)


BUILDERS: Final[Mapping[str, Callable[[StackContext, Any], Compute]]] = {
    "aml_compute": cluster,
    "compute_instance": instance,
    "virtual_machine": virtual_machine,
    "hdinsight": hdinsight,
    "batch": batch,
    "databricks": databricks,
    "data_lake_analytics": data_lake_analytics,
    "kubernetes": kubernetes,
    "synapse_spark": synapse_spark,
}


def _account(context: StackContext, wanted: OverSsh) -> JsonObject:
    return {
        "resource_id": wanted.resource_id,
        "address": wanted.address,
        "ssh_port": wanted.ssh_port or 22,
        "user": wanted.user,
        "password": context.secret(wanted.password),
        "private_key": context.secret(wanted.private_key),
        "passphrase": context.secret(wanted.passphrase),
        "references": context.references(
            wanted.name,
            password=wanted.password,
            private_key=wanted.private_key,
            passphrase=wanted.passphrase,
        ),
    }


def _schedule(wanted: ScheduleSpec) -> ml.ComputeStartStopScheduleArgs:
    when: JsonObject = wanted.model_dump(include={"time_zone", "start_time", "enabled"})
    if wanted.recurrence is None:
        return cron_schedule(wanted.action, wanted.cron or "", **when)
    return recurring_schedule(wanted.action, **wanted.recurrence.model_dump(), **when)


def _script(wanted: ScriptSpec | None) -> ml.ScriptReferenceArgs | None:
    if wanted is None:
        return None
    how: JsonObject = wanted.model_dump(include={"arguments", "timeout_minutes"})
    if wanted.inline is not None:
        return inline_script(wanted.inline, **how)
    return stored_script(wanted.path or "", **how)
