"""ARM types of private platforms: endpoints in a network, their DNS zones, diagnostics, blobs.

Rows only.
"""

from typing import Final

from infra.catalogue.api_versions import DIAGNOSTICS, NETWORK, PRIVATE_DNS, STORAGE
from infra.catalogue.names import RULES
from infra.catalogue.types.row import GROUP, ArmType, below, beside, inside, words

_NETWORK: Final = f"{GROUP}/providers/Microsoft.Network"
_ENDPOINT: Final = f"{_NETWORK}/privateEndpoints/{{privateEndpointName}}"
_ZONE: Final = f"{_NETWORK}/privateDnsZones/{{privateZoneName}}"
_BESIDE: Final = words("id name type etag")
_CONNECTIONS: Final = (
    "privateLinkServiceConnections",
    "manualPrivateLinkServiceConnections",
)
_STATE: Final = "privateLinkServiceConnectionState"

PRIVATE_ENDPOINT: Final = ArmType(
    pulumi_type="azure-native:network:PrivateEndpoint",
    name="Microsoft.Network/privateEndpoints",
    api_version=NETWORK,
    path=_ENDPOINT,
    name_rule=RULES["private_endpoint"],
    inputs=beside("extendedLocation id location tags")
    | inside(
        """
        applicationSecurityGroups customDnsConfigs customNetworkInterfaceName ipConfigurations
        manualPrivateLinkServiceConnections privateLinkServiceConnections subnet
        """
    ),
    outputs=beside("etag name type") | inside("networkInterfaces provisioningState"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName"),
    read_only=frozenset(
        f"{each}.{word}" for each in _CONNECTIONS for word in ("etag", "provisioningState", _STATE)
    ),
    # The service answers with the names that it gives.
    open_ended={"customDnsConfigs": None},
    nested={**dict.fromkeys(_CONNECTIONS, _BESIDE), "ipConfigurations": _BESIDE},
)

PRIVATE_DNS_ZONE_GROUP: Final = ArmType(
    pulumi_type="azure-native:network:PrivateDnsZoneGroup",
    name="Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    api_version=NETWORK,
    path=f"{_ENDPOINT}/privateDnsZoneGroups/{{privateDnsZoneGroupName}}",
    name_rule=RULES["private_dns_zone_group"],
    inputs=beside("id name") | inside("privateDnsZoneConfigs"),
    outputs=beside("etag") | inside("provisioningState"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName privateEndpointName"),
    read_only=words("privateDnsZoneConfigs.recordSets"),
    nested={"privateDnsZoneConfigs": words("name")},
)

PRIVATE_ZONE: Final = ArmType(
    pulumi_type="azure-native:privatedns:PrivateZone",
    name="Microsoft.Network/privateDnsZones",
    api_version=PRIVATE_DNS,
    path=_ZONE,
    name_rule=RULES["private_dns_zone"],
    autoname="given",
    inputs=beside("location tags"),
    outputs=beside("etag name systemData type")
    | inside(
        """
        internalId maxNumberOfRecordSets maxNumberOfVirtualNetworkLinks
        maxNumberOfVirtualNetworkLinksWithRegistration numberOfRecordSets
        numberOfVirtualNetworkLinks numberOfVirtualNetworkLinksWithRegistration provisioningState
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName"),
)

VIRTUAL_NETWORK_LINK: Final = ArmType(
    pulumi_type="azure-native:privatedns:VirtualNetworkLink",
    name="Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    api_version=PRIVATE_DNS,
    path=f"{_ZONE}/virtualNetworkLinks/{{virtualNetworkLinkName}}",
    name_rule=RULES["virtual_network_link"],
    inputs=beside("location tags") | inside("registrationEnabled resolutionPolicy virtualNetwork"),
    outputs=beside("etag name systemData type")
    | inside("provisioningState virtualNetworkLinkState"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName privateZoneName"),
    defaults={"registrationEnabled": False, "resolutionPolicy": "Default"},
)

DIAGNOSTIC_SETTING: Final = ArmType(
    pulumi_type="azure-native:monitor:DiagnosticSetting",
    name="Microsoft.Insights/diagnosticSettings",
    api_version=DIAGNOSTICS,
    path="/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    name_rule=RULES["diagnostic_setting"],
    inputs=inside(
        """
        eventHubAuthorizationRuleId eventHubName logAnalyticsDestinationType logs
        marketplacePartnerId metrics serviceBusRuleId storageAccountId workspaceId
        """
    ),
    outputs=beside("name systemData type"),
    required=words("resourceUri") | below("logs", "enabled") | below("metrics", "enabled"),
    defaults={
        f"{each}.retentionPolicy.{key}": value
        for each in ("logs", "metrics")
        for key, value in (("enabled", False), ("days", 0))
    },
)

BLOB_SERVICE: Final = ArmType(
    pulumi_type="azure-native:storage:BlobServiceProperties",
    name="Microsoft.Storage/storageAccounts/blobServices",
    api_version=STORAGE,
    path=(
        f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}"
        "/blobServices/{blobServicesName}"
    ),
    name_rule=RULES["blob_service"],
    autoname="default",
    inputs=inside(
        """
        automaticSnapshotPolicyEnabled changeFeed containerDeleteRetentionPolicy cors
        defaultServiceVersion deleteRetentionPolicy lastAccessTimeTrackingPolicy restorePolicy
        """,
        isVersioningEnabled="isVersioningEnabled",
    ),
    outputs=beside("name sku type"),
    required=words("resourceGroupName accountName"),
    read_only=below("restorePolicy", "lastEnabledTime minRestoreTime"),
    defaults={
        "deleteRetentionPolicy.allowPermanentDelete": False,
        "isVersioningEnabled": False,
    },
    with_parent={
        "properties": {
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"enabled": False},
            "containerDeleteRetentionPolicy": {"enabled": False},
            "isVersioningEnabled": False,
        }
    },
)

ROWS: Final = (
    PRIVATE_ENDPOINT,
    PRIVATE_DNS_ZONE_GROUP,
    PRIVATE_ZONE,
    VIRTUAL_NETWORK_LINK,
    DIAGNOSTIC_SETTING,
    BLOB_SERVICE,
)
