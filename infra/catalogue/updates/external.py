"""The effect of changes outside a workspace: networks, and services and machines to attach.

Rows only. Their source is Terraform's provider (its ForceNew fields) unless noted otherwise.
"""

from typing import Final

from infra.catalogue.updates.rule import (
    BY_URL,
    FORCE_NEW,
    ID,
    LOCATION,
    OVERWRITES,
    SERVICE_SAYS,
    UNSAID,
    Change,
    UpdateRule,
    rows,
)

VIRTUAL_NETWORK: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName virtualNetworkName"),
    *rows(Change.IGNORED, BY_URL, "id"),
    *rows(Change.REPLACE, LOCATION, "location extendedLocation"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        addressSpace bgpCommunities ddosProtectionPlan dhcpOptions enableDdosProtection
        enableVmProtection encryption flowTimeoutInMinutes ipAllocations
        privateEndpointVNetPolicies subnets tags virtualNetworkPeerings
        """,
    ),
)

SUBNET: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName virtualNetworkName subnetName"),
    *rows(Change.IGNORED, BY_URL, "id name type"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        addressPrefix addressPrefixes applicationGatewayIPConfigurations defaultOutboundAccess
        delegations ipAllocations ipamPoolPrefixAllocations natGateway networkSecurityGroup
        privateEndpointNetworkPolicies privateLinkServiceNetworkPolicies routeTable
        serviceEndpointPolicies serviceEndpoints sharingScope
        """,
    ),
)

PEERING: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName virtualNetworkName virtualNetworkPeeringName"),
    *rows(Change.IGNORED, BY_URL, "id name type"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        "remoteVirtualNetwork enableOnlyIPv6Peering peerCompleteVnets",
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        allowForwardedTraffic allowGatewayTransit allowVirtualNetworkAccess
        doNotVerifyRemoteGateways localAddressSpace localSubnetNames
        localVirtualNetworkAddressSpace remoteAddressSpace remoteBgpCommunities remoteSubnetNames
        remoteVirtualNetworkAddressSpace useRemoteGateways
        """,
    ),
    *rows(Change.IGNORED, SERVICE_SAYS, "peeringState peeringSyncLevel"),
    UpdateRule("syncRemoteAddressSpace", Change.IN_PLACE, "OpenAPI: belongs to the request"),
)

NETWORK_SECURITY_GROUP: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName networkSecurityGroupName"),
    *rows(Change.IGNORED, BY_URL, "id"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.IN_PLACE, OVERWRITES, "flushConnection securityRules tags"),
)

BATCH_ACCOUNT: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName accountName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(
        Change.REPLACE, "OpenAPI: not in the update model", "poolAllocationMode keyVaultReference"
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        allowedAuthenticationModes autoStorage encryption identity networkProfile
        publicNetworkAccess tags
        """,
    ),
)

DATABRICKS_WORKSPACE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName workspaceName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        "managedResourceGroupId parameters.requireInfrastructureEncryption",
    ),
    *rows(Change.REPLACE, UNSAID, "computeMode"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        accessConnector authorizations defaultCatalog defaultStorageFirewall encryption
        enhancedSecurityCompliance parameters publicNetworkAccess requiredNsgRules sku tags
        uiDefinitionUri
        """,
    ),
)

VIRTUAL_MACHINE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName vmName"),
    *rows(Change.REPLACE, LOCATION, "location extendedLocation zones"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        """
        plan availabilitySet osProfile priority virtualMachineScaleSet storageProfile.imageReference
        """,
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        additionalCapabilities applicationProfile billingProfile capacityReservation
        diagnosticsProfile evictionPolicy extensionsTimeBudget hardwareProfile host hostGroup
        identity licenseType networkProfile placement platformFaultDomain proximityPlacementGroup
        scheduledEventsPolicy scheduledEventsProfile securityProfile storageProfile tags userData
        """,
    ),
)
