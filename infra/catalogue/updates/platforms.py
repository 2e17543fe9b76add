"""The effect of changes to vault contents, connections, registries and Kubernetes clusters.

Rows only. Their source is Terraform's provider (its ForceNew fields) unless noted otherwise.
"""

from typing import Final

from infra.catalogue.updates.rule import (
    FORCE_NEW,
    ID,
    LOCATION,
    OVERWRITES,
    REPEATED,
    SERVICE_SAYS,
    UNSAID,
    Change,
    rows,
)

VAULT_SECRET: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName vaultName secretName"),
    *rows(Change.IN_PLACE, OVERWRITES, "properties tags"),
)

ACCESS_POLICY: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName vaultName policy.objectId"),
    *rows(Change.IN_PLACE, OVERWRITES, "applicationId permissions tenantId", below="policy"),
)

CONNECTION: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName workspaceName connectionName"),
    *rows(Change.REPLACE, UNSAID, "category", below="properties"),
    *rows(Change.IN_PLACE, REPEATED, "credentials", below="properties"),
    *rows(Change.IN_PLACE, OVERWRITES, "properties"),
)

ML_REGISTRY: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName registryName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(
        Change.REPLACE,
        UNSAID,
        "intellectualPropertyPublisher kind managedResourceGroup managedResourceGroupSettings",
    ),
    *rows(Change.IN_PLACE, OVERWRITES, "identity publicNetworkAccess regionDetails sku tags"),
    *rows(
        Change.IGNORED,
        SERVICE_SAYS,
        "discoveryUrl mlFlowRegistryUri registryPrivateEndpointConnections",
    ),
)

MANAGED_CLUSTER: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName resourceName"),
    *rows(Change.REPLACE, LOCATION, "location extendedLocation"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        """
        diskEncryptionSetID dnsPrefix enableRBAC fqdnSubdomain kind linuxProfile networkProfile
        nodeResourceGroup privateLinkResources
        apiServerAccessProfile.enablePrivateCluster apiServerAccessProfile.privateDNSZone
        agentPoolProfiles.name agentPoolProfiles.vmSize agentPoolProfiles.vnetSubnetID
        """,
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        aadProfile addonProfiles agentPoolProfiles aiToolchainOperatorProfile apiServerAccessProfile
        autoScalerProfile autoUpgradeProfile azureMonitorProfile bootstrapProfile
        disableLocalAccounts httpProxyConfig identity identityProfile ingressProfile
        kubernetesVersion metricsProfile nodeProvisioningProfile nodeResourceGroupProfile
        oidcIssuerProfile podIdentityProfile publicNetworkAccess securityProfile serviceMeshProfile
        servicePrincipalProfile sku storageProfile supportPlan tags upgradeSettings windowsProfile
        workloadAutoScalerProfile
        """,
    ),
)

CLUSTER_EXTENSION: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName clusterRp clusterResourceName clusterName"),
    *rows(Change.REPLACE, ID, "extensionName"),
    *rows(Change.REPLACE, FORCE_NEW, "extensionType identity plan releaseTrain scope version"),
    *rows(Change.REPLACE, UNSAID, "aksAssignedIdentity"),
    *rows(Change.IN_PLACE, OVERWRITES, "autoUpgradeMinorVersion configurationSettings"),
    *rows(Change.IN_PLACE, REPEATED, "configurationProtectedSettings"),
    *rows(Change.IGNORED, SERVICE_SAYS, "statuses"),
)
