"""ARM types of Azure Machine Learning: workspace, compute (one variant per kind), datastore.

Rows only.
"""

from typing import Final

from infra.catalogue.api_versions import MACHINE_LEARNING, MACHINE_LEARNING_BATCH
from infra.catalogue.names import RULES
from infra.catalogue.types.row import GROUP, ArmType, Variant, below, beside, inside, words
from infra.contract.json_types import Document

_ML: Final = "Microsoft.MachineLearningServices"
_WORKSPACE: Final = f"{GROUP}/providers/{_ML}/workspaces/{{workspaceName}}"
_INNER: Final = "properties.properties"
_DELETE: Final = {"underlyingResourceAction": "Delete"}
DETACH: Final = {"underlyingResourceAction": "Detach"}

WORKSPACE: Final = ArmType(
    pulumi_type="azure-native:machinelearningservices:Workspace",
    name=f"{_ML}/workspaces",
    api_version=MACHINE_LEARNING,
    path=_WORKSPACE,
    name_rule=RULES["workspace"],
    inputs=beside("identity kind location sku tags")
    | inside(
        """
        allowPublicAccessWhenBehindVnet applicationInsights associatedWorkspaces containerRegistry
        description discoveryUrl enableDataIsolation enableServiceSideCMKEncryption encryption
        featureStoreSettings friendlyName hbiWorkspace hubResourceId imageBuildCompute keyVault
        managedNetwork primaryUserAssignedIdentity provisionNetworkNow publicNetworkAccess
        serverlessComputeSettings serviceManagedResourcesSettings sharedPrivateLinkResources
        storageAccount systemDatastoresAuthMode v1LegacyMode workspaceHubConfig
        """
    ),
    outputs=beside("name systemData type")
    | inside(
        """
        mlFlowTrackingUri notebookInfo privateEndpointConnections privateLinkCount
        provisioningState serviceProvisionedResourceGroup storageHnsEnabled tenantId workspaceId
        """
    ),
    polled=frozenset({"PUT", "PATCH", "DELETE"}),
    required=words("resourceGroupName sku.name identity.type")
    | below("encryption", "status keyVaultProperties keyVaultProperties.keyIdentifier"),
    read_only=words("identity.principalId identity.tenantId")
    | below("managedNetwork", "networkId status firewallPublicIpAddress"),
    defaults={
        "kind": "Default",
        "identity.type": "SystemAssigned",
        "sku.name": "Basic",
        "sku.tier": "Basic",
        "publicNetworkAccess": "Enabled",
        "hbiWorkspace": False,
        "allowPublicAccessWhenBehindVnet": False,
        "enableDataIsolation": False,
        "v1LegacyMode": False,
        "systemDatastoresAuthMode": "AccessKey",
        "managedNetwork.isolationMode": "Disabled",
        "managedNetwork.enableNetworkMonitor": False,
        "provisionNetworkNow": False,
    },
    open_ended={"discoveryUrl": None},
    nested={"sharedPrivateLinkResources": words("name")},
    # The service adds a registry of its own when it first builds an image.
    kept=words("properties.applicationInsights properties.containerRegistry"),
    as_found=words(
        """
        allowPublicAccessWhenBehindVnet associatedWorkspaces enableDataIsolation
        enableServiceSideCMKEncryption encryption featureStoreSettings hbiWorkspace hubResourceId
        imageBuildCompute kind managedNetwork provisionNetworkNow serverlessComputeSettings
        serviceManagedResourcesSettings sharedPrivateLinkResources sku systemDatastoresAuthMode
        v1LegacyMode workspaceHubConfig
        """
    )
    | below(
        "managedNetwork",
        "enableNetworkMonitor firewallSku isolationMode managedNetworkKind outboundRules",
    ),
    purge=("DELETE", "{id}?forceToPurge=true"),
)

_AML_COMPUTE: Final = Variant(
    name_rule=RULES["aml_compute"],
    inner=words(
        """
        osType vmSize vmPriority virtualMachineImage isolatedNetwork scaleSettings
        userAccountCredentials subnet remoteLoginPortPublicAccess allocationState
        allocationStateTransitionTime errors currentNodeCount targetNodeCount nodeStateCounts
        enableNodePublicIp propertyBag
        """
    ),
    required=words(_INNER)
    | below(
        _INNER, "vmSize scaleSettings.maxNodeCount userAccountCredentials.adminUserName subnet.id"
    ),
    secret=below(f"{_INNER}.userAccountCredentials", "adminUserPassword adminUserSshPublicKey"),
    read_only=below(
        _INNER,
        "allocationState allocationStateTransitionTime errors currentNodeCount targetNodeCount "
        "nodeStateCounts",
    ),
    defaults={
        f"{_INNER}.osType": "Linux",
        f"{_INNER}.vmPriority": "Dedicated",
        f"{_INNER}.isolatedNetwork": False,
        f"{_INNER}.enableNodePublicIp": True,
        f"{_INNER}.remoteLoginPortPublicAccess": "NotSpecified",
        f"{_INNER}.scaleSettings.minNodeCount": 0,
        f"{_INNER}.scaleSettings.nodeIdleTimeBeforeScaleDown": "PT120S",
    },
    open_ended={f"{_INNER}.remoteLoginPortPublicAccess": "NotSpecified"},
    as_found=below(_INNER, "isolatedNetwork propertyBag virtualMachineImage")
    | words("properties.resourceId"),
    delete_query=_DELETE,
)

_COMPUTE_INSTANCE: Final = Variant(
    name_rule=RULES["compute_instance"],
    inner=words(
        """
        vmSize subnet applicationSharingPolicy sshSettings customServices osImageMetadata
        connectivityEndpoints applications createdBy errors state computeInstanceAuthorizationType
        enableSSO enableRootAccess releaseQuotaOnStop enableOSPatching
        personalComputeInstanceSettings setupScripts lastOperation schedules idleTimeBeforeShutdown
        enableNodePublicIp containers dataDisks dataMounts versions
        """
    ),
    required=below(_INNER, "subnet.id")
    | below(f"{_INNER}.personalComputeInstanceSettings.assignedUser", "objectId tenantId"),
    read_only=below(
        _INNER,
        """
        osImageMetadata connectivityEndpoints applications createdBy errors state lastOperation
        containers dataDisks dataMounts versions sshSettings.adminUserName sshSettings.sshPort
        schedules.computeStartStop.id schedules.computeStartStop.provisioningStatus
        """,
    ),
    defaults={
        f"{_INNER}.applicationSharingPolicy": "Shared",
        f"{_INNER}.computeInstanceAuthorizationType": "personal",
        f"{_INNER}.enableSSO": True,
        f"{_INNER}.enableRootAccess": True,
        f"{_INNER}.releaseQuotaOnStop": False,
        f"{_INNER}.enableOSPatching": False,
        f"{_INNER}.enableNodePublicIp": True,
        f"{_INNER}.sshSettings.sshPublicAccess": "Disabled",
        f"{_INNER}.schedules.computeStartStop.cron.timeZone": "UTC",
        f"{_INNER}.schedules.computeStartStop.recurrence.timeZone": "UTC",
    },
    as_found=below(
        _INNER,
        """
        computeInstanceAuthorizationType customServices enableOSPatching enableRootAccess
        releaseQuotaOnStop schedules.computeStartStop.schedule sshSettings.adminPublicKey
        """,
    )
    | words("properties.resourceId"),
    delete_query=_DELETE,
)

_GOVERNED_OVER_SSH: Final = "sshPort address administratorAccount"
# The service answers with the address of a machine that was attached by id.
_ADDRESS_LEFT_OPEN: Final = {f"{_INNER}.address": None}
_ACCOUNT_SECRETS: Final = below(
    f"{_INNER}.administratorAccount", "password publicKeyData privateKeyData passphrase"
)


_ATTACHED_AS_FOUND: Final = words("identity properties.disableLocalAuth")


def _attached(
    inner: str | None = "",
    *,
    secret: frozenset[str] = frozenset(),
    governed: str = "",
    identity: bool = False,
    open_ended: Document | None = None,
    **defaults: object,
) -> Variant:
    """Return the variant of an attached compute: it is detached, never deleted.

    A second attachment of a resource breaks the first, hence delete before replace.
    ``governed`` are the inner properties that are not left as found, ``identity`` says the same of
    the identity; ``defaults`` are those of its inner properties.
    """
    as_found = below(_INNER, " ".join(words(inner or "") - words(governed))) - secret
    return Variant(
        name_rule=RULES["attached_compute"],
        inner=None if inner is None else words(inner),
        secret=secret,
        open_ended=open_ended or {},
        as_found=as_found
        | (_ATTACHED_AS_FOUND - ({"identity"} if identity else set()))
        | words("" if governed else "properties.resourceId"),
        defaults={f"{_INNER}.{name}": value for name, value in defaults.items()},
        delete_query=DETACH,
        delete_before_replace=True,
    )


def _variants() -> dict[str, Variant]:
    return {
        "AmlCompute": _AML_COMPUTE,
        "ComputeInstance": _COMPUTE_INSTANCE,
        "VirtualMachine": _attached(
            """
            virtualMachineSize sshPort notebookServerPort address administratorAccount
            isNotebookInstanceCompute
            """,
            secret=_ACCOUNT_SECRETS,
            governed=_GOVERNED_OVER_SSH,
            open_ended=_ADDRESS_LEFT_OPEN,
        ),
        "HDInsight": _attached(
            "sshPort address administratorAccount",
            secret=_ACCOUNT_SECRETS,
            governed=_GOVERNED_OVER_SSH,
            open_ended=_ADDRESS_LEFT_OPEN,
        ),
        "Databricks": _attached(
            "databricksAccessToken workspaceUrl",
            secret=below(_INNER, "databricksAccessToken"),
            governed="databricksAccessToken",
        ),
        "DataLakeAnalytics": _attached("dataLakeStoreAccountName"),
        "DataFactory": _attached(None),
        "Kubernetes": _attached(
            """
            relayConnectionString serviceBusConnectionString extensionPrincipalId
            extensionInstanceReleaseTrain vcName namespace defaultInstanceType instanceTypes
            """,
            secret=below(_INNER, "relayConnectionString serviceBusConnectionString"),
            governed="namespace defaultInstanceType instanceTypes",
            identity=True,
            namespace="default",
        ),
        "AKS": _attached(
            """
            clusterFqdn systemServices agentCount agentVmSize clusterPurpose sslConfiguration
            aksNetworkingConfiguration loadBalancerType loadBalancerSubnet
            """,
            secret=below(f"{_INNER}.sslConfiguration", "cert key"),
            clusterPurpose="FastProd",
            loadBalancerType="PublicIp",
        ),
        "SynapseSpark": _attached(
            """
            autoScaleProperties autoPauseProperties sparkVersion nodeCount nodeSize nodeSizeFamily
            subscriptionId resourceGroup workspaceName poolName
            """,
            identity=True,
        ),
        "Batch": _BATCH,
    }


# Later api-versions do not list Batch; only the first generation of SDKs has it.
_BATCH: Final = Variant(
    name_rule=RULES["attached_compute"],
    api_version=MACHINE_LEARNING_BATCH,
    required=words("properties.resourceId"),
    as_found=_ATTACHED_AS_FOUND,
    delete_query=DETACH,
    delete_before_replace=True,
)

COMPUTE: Final = ArmType(
    pulumi_type="azure-native:machinelearningservices:Compute",
    name=f"{_ML}/workspaces/computes",
    api_version=MACHINE_LEARNING,
    path=f"{_WORKSPACE}/computes/{{computeName}}",
    name_rule=RULES["aml_compute"],
    inputs=beside("identity location properties sku tags"),
    outputs=beside("name systemData type"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName workspaceName properties.computeType"),
    read_only=words("identity.principalId identity.tenantId")
    | below(
        "properties",
        "provisioningState provisioningErrors createdOn modifiedOn isAttachedCompute",
    ),
    defaults={"properties.disableLocalAuth": False},
    open_ended={"properties.computeLocation": None},
    as_found=words("sku properties.computeLocation"),
    delete_query=DETACH,
    discriminator="properties.computeType",
    variants=_variants(),
)

DATASTORE: Final = ArmType(
    pulumi_type="azure-native:machinelearningservices:Datastore",
    name=f"{_ML}/workspaces/datastores",
    api_version=MACHINE_LEARNING,
    path=f"{_WORKSPACE}/datastores/{{name}}",
    name_rule=RULES["datastore"],
    inputs=beside("properties"),
    outputs=beside("name systemData type"),
    query={"skipValidation": "skipValidation"},
    required=words("resourceGroupName workspaceName properties")
    | below("properties", "datastoreType credentials credentials.credentialsType"),
    secret=words("properties.credentials.secrets"),
    defaults={
        "properties.protocol": "https",
        "properties.serviceDataAccessAuthIdentity": "None",
    },
    open_ended=dict.fromkeys(
        below(
            "properties",
            """
            endpoint resourceGroup subscriptionId
            credentials.authorityUrl credentials.resourceUrl
            """,
        )
    ),
    read_only=words("properties.isDefault"),
)

ROWS: Final = (WORKSPACE, COMPUTE, DATASTORE)
