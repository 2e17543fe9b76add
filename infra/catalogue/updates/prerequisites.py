"""The effect of changes to a workspace's dependencies: group, storage, vault, logs, registry.

Rows, and three conditions for changes that replace in one direction only. The source is Terraform's
provider (its ForceNew fields) unless noted otherwise.
"""

from typing import Final

from infra.catalogue.updates.rule import (
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


def _moves_storage(old: object, new: object) -> bool:
    """Return whether data has to move: another performance tier, or zones added or removed."""
    # A SKU is tier and redundancy: `Standard_LRS`.
    one, other = str(old).partition("_"), str(new).partition("_")
    return one[0] != other[0] or ("ZRS" in one[2]) != ("ZRS" in other[2])


def _changes_kind(old: object, new: object) -> bool:
    """Return whether the change of kind is not an upgrade that Azure supports."""
    return (old, new) != ("Storage", "StorageV2")


def _was_set(old: object, _: object) -> bool:
    return old is not None and old is not False


RESOURCE_GROUP: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.REPLACE, FORCE_NEW, "managedBy"),
    *rows(Change.IN_PLACE, OVERWRITES, "tags"),
)

STORAGE_ACCOUNT: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName accountName"),
    *rows(Change.REPLACE, LOCATION, "location extendedLocation"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        "isHnsEnabled enableNfsV3 dnsEndpointType encryption.requireInfrastructureEncryption",
    ),
    UpdateRule(
        "sku.name",
        Change.REPLACE,
        FORCE_NEW,
        only_if=_moves_storage,
        condition="to another performance tier, or to or from zone redundancy",
    ),
    UpdateRule(
        "kind",
        Change.REPLACE,
        FORCE_NEW,
        only_if=_changes_kind,
        condition="other than from Storage to StorageV2",
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        accessTier allowBlobPublicAccess allowCrossTenantReplication allowSharedKeyAccess
        allowedCopyScope azureFilesIdentityBasedAuthentication customDomain
        defaultToOAuthAuthentication enableExtendedGroups enableHttpsTrafficOnly encryption identity
        immutableStorageWithVersioning isLocalUserEnabled isSftpEnabled keyPolicy
        largeFileSharesState minimumTlsVersion networkRuleSet publicNetworkAccess routingPreference
        sasPolicy sku tags
        """,
    ),
)

BLOB_CONTAINER: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName accountName containerName"),
    *rows(Change.REPLACE, FORCE_NEW, "defaultEncryptionScope denyEncryptionScopeOverride"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        enableNfsV3AllSquash enableNfsV3RootSquash immutableStorageWithVersioning metadata
        publicAccess
        """,
    ),
)

KEY_VAULT: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName vaultName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    UpdateRule(
        "properties.softDeleteRetentionInDays",
        Change.REPLACE,
        FORCE_NEW,
        only_if=_was_set,
        condition="once it is set",
    ),
    UpdateRule(
        "properties.enableSoftDelete",
        Change.REPLACE,
        SERVICE_SAYS,
        only_if=_was_set,
        condition="once it is on: it cannot be switched off",
    ),
    UpdateRule(
        "properties.enablePurgeProtection",
        Change.REPLACE,
        SERVICE_SAYS,
        only_if=_was_set,
        condition="once it is on (the name stays taken until the retention is over)",
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        accessPolicies createMode enableRbacAuthorization enabledForDeployment
        enabledForDiskEncryption enabledForTemplateDeployment networkAcls publicNetworkAccess sku
        tenantId
        """,
        below="properties",
    ),
    *rows(Change.IN_PLACE, OVERWRITES, "properties tags"),
)

APPLICATION_INSIGHTS: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName resourceName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.REPLACE, FORCE_NEW, "applicationType"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        disableIpMasking disableLocalAuth flowType forceCustomerStorageForProfiler hockeyAppId
        immediatePurgeDataOn30Days ingestionMode kind publicNetworkAccessForIngestion
        publicNetworkAccessForQuery requestSource retentionInDays samplingPercentage tags
        workspaceResourceId
        """,
    ),
)

LOG_ANALYTICS: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName workspaceName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        defaultDataCollectionRuleResourceId features forceCmkForQuery identity
        publicNetworkAccessForIngestion publicNetworkAccessForQuery retentionInDays sku tags
        workspaceCapping
        """,
    ),
)

REGISTRY: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName registryName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.REPLACE, FORCE_NEW, "zoneRedundancy"),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        adminUserEnabled anonymousPullEnabled dataEndpointEnabled encryption identity
        networkRuleBypassOptions networkRuleSet policies publicNetworkAccess sku tags
        """,
    ),
)

USER_ASSIGNED_IDENTITY: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName resourceName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.IN_PLACE, OVERWRITES, "tags"),
)

ROLE_DEFINITION: Final = (
    *rows(Change.REPLACE, ID, "scope roleDefinitionId"),
    *rows(Change.IN_PLACE, OVERWRITES, "assignableScopes description permissions roleName"),
    *rows(Change.REPLACE, UNSAID, "roleType"),
)

ROLE_ASSIGNMENT: Final = (
    *rows(Change.REPLACE, ID, "scope roleAssignmentName"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        "principalId principalType roleDefinitionId delegatedManagedIdentityResourceId",
    ),
    *rows(Change.IN_PLACE, OVERWRITES, "condition conditionVersion description"),
)
