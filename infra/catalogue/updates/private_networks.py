"""The effect of changes to private endpoints, DNS zones, diagnostics and blob services.

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
    rows,
)

PRIVATE_ENDPOINT: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName privateEndpointName"),
    *rows(Change.IGNORED, BY_URL, "id"),
    *rows(Change.REPLACE, LOCATION, "location extendedLocation"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        """
        subnet privateLinkServiceConnections manualPrivateLinkServiceConnections
        customNetworkInterfaceName
        """,
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        "applicationSecurityGroups ipConfigurations tags",
    ),
    *rows(Change.IGNORED, SERVICE_SAYS, "customDnsConfigs"),
)

PRIVATE_DNS_ZONE_GROUP: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName privateEndpointName privateDnsZoneGroupName"),
    *rows(Change.IGNORED, BY_URL, "id name"),
    *rows(Change.IN_PLACE, OVERWRITES, "privateDnsZoneConfigs"),
)

PRIVATE_ZONE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName privateZoneName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.IN_PLACE, OVERWRITES, "tags"),
)

VIRTUAL_NETWORK_LINK: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName privateZoneName virtualNetworkLinkName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.REPLACE, FORCE_NEW, "virtualNetwork"),
    *rows(Change.IN_PLACE, OVERWRITES, "registrationEnabled resolutionPolicy tags"),
)

DIAGNOSTIC_SETTING: Final = (
    *rows(Change.REPLACE, ID, "resourceUri name"),
    *rows(Change.REPLACE, FORCE_NEW, "workspaceId"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        eventHubAuthorizationRuleId eventHubName logAnalyticsDestinationType logs
        marketplacePartnerId metrics storageAccountId
        """,
    ),
    *rows(Change.REPLACE, UNSAID, "serviceBusRuleId"),
)

BLOB_SERVICE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName accountName blobServicesName"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        automaticSnapshotPolicyEnabled changeFeed containerDeleteRetentionPolicy cors
        defaultServiceVersion deleteRetentionPolicy isVersioningEnabled
        lastAccessTimeTrackingPolicy restorePolicy
        """,
    ),
)
