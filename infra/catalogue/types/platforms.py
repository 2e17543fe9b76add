"""ARM types of what a platform has beside its workspace: vault contents, registries, Kubernetes.

Rows only.
"""

from typing import Final

from infra.catalogue.api_versions import (
    CONTAINER_SERVICE,
    KEY_VAULT,
    KUBERNETES_EXTENSIONS,
    MACHINE_LEARNING,
)
from infra.catalogue.names import RULES
from infra.catalogue.types.row import GROUP, ArmType, below, beside, inside, words

_VAULT: Final = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{{vaultName}}"
_ML: Final = "Microsoft.MachineLearningServices"
_ML_PATH: Final = f"{GROUP}/providers/{_ML}"
_POOLS: Final = "agentPoolProfiles"

VAULT_SECRET: Final = ArmType(
    pulumi_type="azure-native:keyvault:Secret",
    name="Microsoft.KeyVault/vaults/secrets",
    api_version=KEY_VAULT,
    path=f"{_VAULT}/secrets/{{secretName}}",
    name_rule=RULES["vault_secret"],
    inputs=beside("properties tags"),
    outputs=beside("location name type"),
    required=words("resourceGroupName vaultName properties"),
    secret=words("properties.value"),
    read_only=below("properties", "secretUri secretUriWithVersion")
    | below("properties.attributes", "created updated"),
    defaults={"properties.attributes.enabled": True},
    versioned=True,
)

ACCESS_POLICY: Final = ArmType(
    pulumi_type="azure-native:keyvault:AccessPolicy",
    name="Microsoft.KeyVault/vaults/accessPolicy",
    api_version=KEY_VAULT,
    # An entry of a list in the vault: the id is Pulumi's own.
    path=f"{_VAULT}/accessPolicy/{{policy.objectId}}",
    name_rule=RULES["vault_principal"],
    autoname="given",
    inputs=beside("policy"),
    outputs=beside("resourceGroupName vaultName"),
    required=words("resourceGroupName vaultName policy")
    | below("policy", "objectId tenantId permissions"),
)

CONNECTION: Final = ArmType(
    pulumi_type="azure-native:machinelearningservices:WorkspaceConnection",
    name=f"{_ML}/workspaces/connections",
    api_version=MACHINE_LEARNING,
    path=f"{_ML_PATH}/workspaces/{{workspaceName}}/connections/{{connectionName}}",
    name_rule=RULES["connection"],
    inputs=beside("properties"),
    outputs=beside("name systemData type"),
    required=words("resourceGroupName workspaceName properties properties.authType"),
    secret=words("properties.credentials"),
    read_only=below("properties", "createdByWorkspaceArmId group peStatus"),
    defaults={"properties.isSharedToAll": True, "properties.useWorkspaceManagedIdentity": False},
)

ML_REGISTRY: Final = ArmType(
    pulumi_type="azure-native:machinelearningservices:Registry",
    name=f"{_ML}/registries",
    api_version=MACHINE_LEARNING,
    path=f"{_ML_PATH}/registries/{{registryName}}",
    name_rule=RULES["ml_registry"],
    inputs=beside("identity kind location sku tags")
    | inside(
        """
        discoveryUrl intellectualPropertyPublisher managedResourceGroup
        managedResourceGroupSettings mlFlowRegistryUri publicNetworkAccess regionDetails
        registryPrivateEndpointConnections
        """
    ),
    outputs=beside("name systemData type"),
    polled=frozenset({"PUT", "PATCH", "DELETE"}),
    required=words("resourceGroupName"),
    read_only=words("identity.principalId identity.tenantId"),
    defaults={
        "publicNetworkAccess": "Enabled",
        "regionDetails.storageAccountDetails.systemCreatedStorageAccount"
        ".storageAccountHnsEnabled": False,
        "regionDetails.storageAccountDetails.systemCreatedStorageAccount"
        ".allowBlobPublicAccess": False,
    },
    open_ended={
        "discoveryUrl": None,
        "mlFlowRegistryUri": None,
        "registryPrivateEndpointConnections": None,
    },
    nested={"registryPrivateEndpointConnections": words("id location")},
    as_found=words("managedResourceGroup managedResourceGroupSettings"),
)

MANAGED_CLUSTER: Final = ArmType(
    pulumi_type="azure-native:containerservice:ManagedCluster",
    name="Microsoft.ContainerService/managedClusters",
    api_version=CONTAINER_SERVICE,
    path=f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/{{resourceName}}",
    name_rule=RULES["kubernetes_cluster"],
    inputs=beside("extendedLocation identity kind location sku tags")
    | inside(
        """
        aadProfile addonProfiles agentPoolProfiles aiToolchainOperatorProfile apiServerAccessProfile
        autoScalerProfile autoUpgradeProfile azureMonitorProfile bootstrapProfile
        disableLocalAccounts diskEncryptionSetID dnsPrefix enableRBAC fqdnSubdomain httpProxyConfig
        identityProfile ingressProfile kubernetesVersion linuxProfile metricsProfile networkProfile
        nodeProvisioningProfile nodeResourceGroup nodeResourceGroupProfile oidcIssuerProfile
        podIdentityProfile privateLinkResources publicNetworkAccess securityProfile
        serviceMeshProfile servicePrincipalProfile storageProfile supportPlan upgradeSettings
        windowsProfile workloadAutoScalerProfile
        """
    ),
    outputs=beside("eTag name systemData type")
    | inside(
        """
        azurePortalFQDN currentKubernetesVersion fqdn maxAgentPools powerState privateFQDN
        provisioningState resourceUID status
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName agentPoolProfiles.name"),
    secret=words("servicePrincipalProfile.secret windowsProfile.adminPassword"),
    read_only=words("identity.principalId identity.tenantId")
    | below(_POOLS, "currentOrchestratorVersion eTag nodeImageVersion provisioningState status"),
    defaults={
        "publicNetworkAccess": "Enabled",
        "enableRBAC": True,
        "disableLocalAccounts": False,
        "supportPlan": "KubernetesOfficial",
        f"{_POOLS}.mode": "System",
        f"{_POOLS}.osType": "Linux",
        f"{_POOLS}.type": "VirtualMachineScaleSets",
        f"{_POOLS}.enableAutoScaling": False,
    },
    open_ended={"nodeResourceGroup": None, "kubernetesVersion": None, "identityProfile": None},
    # Pools are resources of their own as well, which others add.
    shared=words(_POOLS),
)

CLUSTER_EXTENSION: Final = ArmType(
    pulumi_type="azure-native:kubernetesconfiguration:Extension",
    name="Microsoft.KubernetesConfiguration/extensions",
    api_version=KUBERNETES_EXTENSIONS,
    path=(
        f"{GROUP}/providers/{{clusterRp}}/{{clusterResourceName}}/{{clusterName}}"
        "/providers/Microsoft.KubernetesConfiguration/extensions/{extensionName}"
    ),
    name_rule=RULES["kubernetes_extension"],
    inputs=beside("identity plan")
    | inside(
        """
        aksAssignedIdentity autoUpgradeMinorVersion configurationProtectedSettings
        configurationSettings extensionType releaseTrain scope statuses version
        """
    ),
    outputs=beside("name systemData type")
    | inside(
        """
        currentVersion customLocationSettings errorInfo isSystemExtension packageUri
        provisioningState
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName clusterRp clusterResourceName clusterName"),
    secret=words("configurationProtectedSettings"),
    read_only=words("identity.principalId identity.tenantId")
    | below("aksAssignedIdentity", "principalId tenantId"),
    defaults={"autoUpgradeMinorVersion": True, "releaseTrain": "Stable"},
    open_ended={"statuses": None, "version": None},
    as_found=words("scope"),
)

ROWS: Final = (
    VAULT_SECRET,
    ACCESS_POLICY,
    CONNECTION,
    ML_REGISTRY,
    MANAGED_CLUSTER,
    CLUSTER_EXTENSION,
)
