"""ARM types outside a workspace: networks, and the services and machines that can be attached.

Rows only.
"""

from typing import Final

from infra.catalogue.api_versions import BATCH, DATABRICKS, NETWORK, VIRTUAL_MACHINES
from infra.catalogue.names import RULES
from infra.catalogue.types.row import GROUP, ArmType, below, beside, inside, words

_MICROSOFT_NETWORK: Final = f"{GROUP}/providers/Microsoft.Network"
_BESIDE_PROPERTIES: Final = words("id name type etag")

VIRTUAL_MICROSOFT_NETWORK: Final = ArmType(
    pulumi_type="azure-native:network:VirtualNetwork",
    name="Microsoft.Network/virtualNetworks",
    api_version=NETWORK,
    path=f"{_MICROSOFT_NETWORK}/virtualNetworks/{{virtualNetworkName}}",
    name_rule=RULES["virtual_network"],
    inputs=beside("extendedLocation id location tags")
    | inside(
        """
        addressSpace bgpCommunities ddosProtectionPlan dhcpOptions enableDdosProtection
        enableVmProtection encryption flowTimeoutInMinutes ipAllocations
        privateEndpointVNetPolicies subnets virtualNetworkPeerings
        """
    ),
    outputs=beside("etag name type") | inside("flowLogs provisioningState resourceGuid"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName encryption.enabled"),
    read_only=words("bgpCommunities.regionalCommunity subnets.provisioningState subnets.etag"),
    defaults={"enableDdosProtection": False, "enableVmProtection": False},
    nested={
        "subnets": _BESIDE_PROPERTIES,
        "subnets.delegations": _BESIDE_PROPERTIES,
        "virtualNetworkPeerings": _BESIDE_PROPERTIES,
    },
    kept=words("properties.subnets properties.virtualNetworkPeerings"),
    # Either is also a resource of its own, of the same program or of others.
    as_found=words("subnets virtualNetworkPeerings"),
)

SUBNET: Final = ArmType(
    pulumi_type="azure-native:network:Subnet",
    name="Microsoft.Network/virtualNetworks/subnets",
    api_version=NETWORK,
    path=f"{_MICROSOFT_NETWORK}/virtualNetworks/{{virtualNetworkName}}/subnets/{{subnetName}}",
    name_rule=RULES["subnet"],
    inputs=beside("id name type")
    | inside(
        """
        addressPrefix addressPrefixes applicationGatewayIPConfigurations defaultOutboundAccess
        delegations ipAllocations ipamPoolPrefixAllocations natGateway networkSecurityGroup
        privateEndpointNetworkPolicies privateLinkServiceNetworkPolicies routeTable
        serviceEndpointPolicies serviceEndpoints sharingScope
        """
    ),
    outputs=beside("etag")
    | inside(
        """
        ipConfigurationProfiles ipConfigurations privateEndpoints provisioningState purpose
        resourceNavigationLinks serviceAssociationLinks
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName virtualNetworkName"),
    read_only=words("delegations.etag delegations.actions delegations.provisioningState")
    | words("serviceEndpoints.provisioningState"),
    defaults={
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
    },
    nested={
        "delegations": _BESIDE_PROPERTIES,
        "applicationGatewayIPConfigurations": _BESIDE_PROPERTIES,
    },
)

PEERING: Final = ArmType(
    pulumi_type="azure-native:network:VirtualNetworkPeering",
    name="Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
    api_version=NETWORK,
    path=(
        f"{_MICROSOFT_NETWORK}/virtualNetworks/{{virtualNetworkName}}"
        "/virtualNetworkPeerings/{virtualNetworkPeeringName}"
    ),
    name_rule=RULES["virtual_network_peering"],
    inputs=beside("id name type")
    | inside(
        """
        allowForwardedTraffic allowGatewayTransit allowVirtualNetworkAccess
        doNotVerifyRemoteGateways enableOnlyIPv6Peering localAddressSpace localSubnetNames
        localVirtualNetworkAddressSpace peerCompleteVnets peeringState peeringSyncLevel
        remoteAddressSpace remoteBgpCommunities remoteSubnetNames remoteVirtualNetwork
        remoteVirtualNetworkAddressSpace useRemoteGateways
        """
    ),
    outputs=beside("etag")
    | inside("provisioningState remoteVirtualNetworkEncryption resourceGuid"),
    query={"syncRemoteAddressSpace": "syncRemoteAddressSpace"},
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName virtualNetworkName"),
    # What the other side does changes them, and the addresses of either network do.
    read_only=words("peeringState peeringSyncLevel remoteBgpCommunities.regionalCommunity"),
    open_ended=dict.fromkeys(
        words(
            """
            localAddressSpace localVirtualNetworkAddressSpace remoteAddressSpace
            remoteVirtualNetworkAddressSpace
            """
        )
    ),
    defaults={
        "allowForwardedTraffic": False,
        "allowGatewayTransit": False,
        "allowVirtualNetworkAccess": True,
        "doNotVerifyRemoteGateways": False,
        "enableOnlyIPv6Peering": False,
        "peerCompleteVnets": True,
        "useRemoteGateways": False,
    },
)

NETWORK_SECURITY_GROUP: Final = ArmType(
    pulumi_type="azure-native:network:NetworkSecurityGroup",
    name="Microsoft.Network/networkSecurityGroups",
    api_version=NETWORK,
    path=f"{_MICROSOFT_NETWORK}/networkSecurityGroups/{{networkSecurityGroupName}}",
    name_rule=RULES["network_security_group"],
    inputs=beside("id location tags") | inside("flushConnection securityRules"),
    outputs=beside("etag name type")
    | inside(
        "defaultSecurityRules flowLogs networkInterfaces provisioningState resourceGuid subnets"
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName")
    | below("securityRules", "access direction priority protocol"),
    read_only=words("securityRules.etag securityRules.provisioningState"),
    nested={"securityRules": _BESIDE_PROPERTIES},
    kept=words("properties.securityRules"),
)

BATCH_ACCOUNT: Final = ArmType(
    pulumi_type="azure-native:batch:BatchAccount",
    name="Microsoft.Batch/batchAccounts",
    api_version=BATCH,
    path=f"{GROUP}/providers/Microsoft.Batch/batchAccounts/{{accountName}}",
    name_rule=RULES["batch_account"],
    inputs=beside("identity location tags")
    | inside(
        """
        allowedAuthenticationModes autoStorage encryption keyVaultReference networkProfile
        poolAllocationMode publicNetworkAccess
        """
    ),
    outputs=beside("name systemData type")
    | inside(
        """
        accountEndpoint activeJobAndJobScheduleQuota dedicatedCoreQuota
        dedicatedCoreQuotaPerVMFamily dedicatedCoreQuotaPerVMFamilyEnforced lowPriorityCoreQuota
        nodeManagementEndpoint poolQuota privateEndpointConnections provisioningState
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName autoStorage.storageAccountId identity.type")
    | below("keyVaultReference", "id url"),
    read_only=words("autoStorage.lastKeySync identity.principalId identity.tenantId"),
    defaults={
        "publicNetworkAccess": "Enabled",
        "poolAllocationMode": "BatchService",
        "autoStorage.authenticationMode": "StorageKeys",
        "identity.type": "None",
        "encryption.keySource": "Microsoft.Batch",
    },
)

DATABRICKS_WORKSPACE: Final = ArmType(
    pulumi_type="azure-native:databricks:Workspace",
    name="Microsoft.Databricks/workspaces",
    api_version=DATABRICKS,
    path=f"{GROUP}/providers/Microsoft.Databricks/workspaces/{{workspaceName}}",
    name_rule=RULES["databricks_workspace"],
    inputs=beside("location sku tags")
    | inside(
        """
        accessConnector authorizations computeMode defaultCatalog defaultStorageFirewall encryption
        enhancedSecurityCompliance managedResourceGroupId parameters publicNetworkAccess
        requiredNsgRules uiDefinitionUri
        """
    ),
    outputs=beside("name systemData type")
    | inside(
        """
        createdBy createdDateTime diskEncryptionSetId isUcEnabled managedDiskIdentity
        privateEndpointConnections provisioningState storageAccountIdentity updatedBy workspaceId
        workspaceUrl
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName sku.name accessConnector.id accessConnector.identityType"),
    read_only=words("parameters.resourceTags"),
    defaults={"defaultCatalog.initialType": "HiveMetastore"},
    renamed={
        "parameters.encryption.value.keyName": "KeyName",
        "parameters.encryption.value.keyVaultUri": "keyvaulturi",
        "parameters.encryption.value.keyVersion": "keyversion",
    },
)

VIRTUAL_MACHINE: Final = ArmType(
    pulumi_type="azure-native:compute:VirtualMachine",
    name="Microsoft.Compute/virtualMachines",
    api_version=VIRTUAL_MACHINES,
    path=f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{{vmName}}",
    name_rule=RULES["virtual_machine"],
    inputs=beside("extendedLocation identity location placement plan tags zones")
    | inside(
        """
        additionalCapabilities applicationProfile availabilitySet billingProfile
        capacityReservation diagnosticsProfile evictionPolicy extensionsTimeBudget hardwareProfile
        host hostGroup licenseType networkProfile osProfile platformFaultDomain priority
        proximityPlacementGroup scheduledEventsPolicy scheduledEventsProfile securityProfile
        storageProfile userData virtualMachineScaleSet
        """
    ),
    outputs=beside("etag managedBy name resources systemData type")
    | inside("instanceView provisioningState timeCreated vmId"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName"),
    secret=below("osProfile", "adminPassword customData") | words("userData"),
    read_only=words("storageProfile.imageReference.exactVersion")
    | words("identity.principalId identity.tenantId"),
    nested={
        "networkProfile.networkInterfaces": words("id"),
        "networkProfile.networkInterfaceConfigurations": words("name tags"),
        "networkProfile.networkInterfaceConfigurations.ipConfigurations": words("name"),
    },
)

ROWS: Final = (
    VIRTUAL_MICROSOFT_NETWORK,
    SUBNET,
    PEERING,
    NETWORK_SECURITY_GROUP,
    BATCH_ACCOUNT,
    DATABRICKS_WORKSPACE,
    VIRTUAL_MACHINE,
)
