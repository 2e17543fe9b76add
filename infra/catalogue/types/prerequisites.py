"""ARM types that a workspace depends on: group, storage, vault, insights, registry, identity.

Rows only. Property names are Pulumi's on the left and ARM's on the right; api-versions are the ones
``pulumi_azure_native`` 3.29 speaks.
"""

from typing import Final

from infra.catalogue import api_versions
from infra.catalogue.names import RULES
from infra.catalogue.types.row import GROUP, ArmType, below, beside, inside, words

_STORAGE: Final = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}"

RESOURCE_GROUP: Final = ArmType(
    pulumi_type="azure-native:resources:ResourceGroup",
    name="Microsoft.Resources/resourceGroups",
    api_version=api_versions.RESOURCES,
    path=GROUP,
    name_rule=RULES["resource_group"],
    inputs=beside("location managedBy tags"),
    outputs=beside("name properties type"),
    polled=frozenset({"DELETE"}),
    required=words("location"),
)

STORAGE_ACCOUNT: Final = ArmType(
    pulumi_type="azure-native:storage:StorageAccount",
    name="Microsoft.Storage/storageAccounts",
    api_version=api_versions.STORAGE,
    path=_STORAGE,
    name_rule=RULES["storage_account"],
    inputs=beside("extendedLocation identity kind location sku tags")
    | inside(
        """
        accessTier allowBlobPublicAccess allowCrossTenantReplication allowSharedKeyAccess
        allowedCopyScope azureFilesIdentityBasedAuthentication customDomain
        defaultToOAuthAuthentication dnsEndpointType enableExtendedGroups encryption
        immutableStorageWithVersioning isHnsEnabled isLocalUserEnabled isSftpEnabled keyPolicy
        largeFileSharesState minimumTlsVersion publicNetworkAccess routingPreference sasPolicy
        """,
        enableHttpsTrafficOnly="supportsHttpsTrafficOnly",
        enableNfsV3="isNfsV3Enabled",
        networkRuleSet="networkAcls",
    ),
    outputs=beside("name type")
    | inside(
        """
        accountMigrationInProgress blobRestoreStatus creationTime failoverInProgress
        geoReplicationStats isSkuConversionBlocked keyCreationTime lastGeoFailoverTime
        primaryEndpoints primaryLocation privateEndpointConnections provisioningState
        secondaryEndpoints secondaryLocation statusOfPrimary statusOfSecondary
        storageAccountSkuConversionStatus
        """
    ),
    polled=frozenset({"PUT"}),
    required=words("resourceGroupName kind sku sku.name"),
    read_only=words("sku.tier identity.principalId identity.tenantId")
    | below("encryption.services", "blob.lastEnabledTime file.lastEnabledTime"),
    defaults={
        "accessTier": "Hot",
        "enableHttpsTrafficOnly": True,
        "encryption.keySource": "Microsoft.Storage",
        "networkRuleSet.bypass": "AzureServices",
        "networkRuleSet.defaultAction": "Allow",
        "networkRuleSet.ipRules.action": "Allow",
        "networkRuleSet.virtualNetworkRules.action": "Allow",
        "sasPolicy.expirationAction": "Log",
        "isHnsEnabled": False,
        "enableNfsV3": False,
    },
    renamed={
        "encryption.keyVaultProperties": "keyvaultproperties",
        "encryption.keyVaultProperties.keyName": "keyname",
        "encryption.keyVaultProperties.keyVaultUri": "keyvaulturi",
        "encryption.keyVaultProperties.keyVersion": "keyversion",
        "encryption.encryptionIdentity": "identity",
        "encryption.encryptionIdentity.encryptionUserAssignedIdentity": "userAssignedIdentity",
        "encryption.encryptionIdentity.encryptionFederatedIdentityClientId": (
            "federatedIdentityClientId"
        ),
        "networkRuleSet.ipRules.iPAddressOrRange": "value",
        "networkRuleSet.virtualNetworkRules.virtualNetworkResourceId": "id",
    },
)

BLOB_CONTAINER: Final = ArmType(
    pulumi_type="azure-native:storage:BlobContainer",
    name="Microsoft.Storage/storageAccounts/blobServices/containers",
    api_version=api_versions.STORAGE,
    path=f"{_STORAGE}/blobServices/default/containers/{{containerName}}",
    name_rule=RULES["blob_container"],
    inputs=inside(
        """
        defaultEncryptionScope denyEncryptionScopeOverride enableNfsV3AllSquash
        enableNfsV3RootSquash immutableStorageWithVersioning metadata publicAccess
        """
    ),
    outputs=beside("etag name type")
    | inside(
        """
        deleted deletedTime hasImmutabilityPolicy hasLegalHold immutabilityPolicy lastModifiedTime
        leaseDuration leaseState leaseStatus legalHold remainingRetentionDays version
        """
    ),
    required=words("resourceGroupName accountName"),
    read_only=below("immutableStorageWithVersioning", "timeStamp migrationState"),
    defaults={
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": False,
        "publicAccess": "None",
    },
)

KEY_VAULT: Final = ArmType(
    pulumi_type="azure-native:keyvault:Vault",
    name="Microsoft.KeyVault/vaults",
    api_version=api_versions.KEY_VAULT,
    path=f"{GROUP}/providers/Microsoft.KeyVault/vaults/{{vaultName}}",
    name_rule=RULES["key_vault"],
    inputs=beside("location properties tags"),
    outputs=beside("name systemData type"),
    polled=frozenset({"PUT"}),
    required=words("resourceGroupName properties")
    | below("properties", "tenantId sku sku.family sku.name"),
    read_only=below(
        "properties", "hsmPoolResourceId privateEndpointConnections provisioningState vaultUri"
    ),
    defaults={
        "properties.createMode": "default",
        "properties.enableSoftDelete": True,
        "properties.softDeleteRetentionInDays": 90,
        "properties.enableRbacAuthorization": False,
        "properties.enabledForDeployment": False,
        "properties.enabledForDiskEncryption": False,
        "properties.enabledForTemplateDeployment": False,
        "properties.publicNetworkAccess": "Enabled",
    },
    kept=words("properties.accessPolicies"),
    purge=(
        "POST",
        (
            "/subscriptions/{subscriptionId}/providers/Microsoft.KeyVault/locations/{location}"
            "/deletedVaults/{name}/purge"
        ),
    ),
)

APPLICATION_INSIGHTS: Final = ArmType(
    pulumi_type="azure-native:applicationinsights:Component",
    name="Microsoft.Insights/components",
    api_version=api_versions.APPLICATION_INSIGHTS,
    path=f"{GROUP}/providers/Microsoft.Insights/components/{{resourceName}}",
    name_rule=RULES["application_insights"],
    inputs=beside("kind location tags")
    | inside(
        "publicNetworkAccessForIngestion publicNetworkAccessForQuery",
        applicationType="Application_Type",
        disableIpMasking="DisableIpMasking",
        disableLocalAuth="DisableLocalAuth",
        flowType="Flow_Type",
        forceCustomerStorageForProfiler="ForceCustomerStorageForProfiler",
        hockeyAppId="HockeyAppId",
        immediatePurgeDataOn30Days="ImmediatePurgeDataOn30Days",
        ingestionMode="IngestionMode",
        requestSource="Request_Source",
        retentionInDays="RetentionInDays",
        samplingPercentage="SamplingPercentage",
        workspaceResourceId="WorkspaceResourceId",
    ),
    outputs=beside("etag name type")
    | inside(
        "provisioningState",
        appId="AppId",
        applicationId="ApplicationId",
        connectionString="ConnectionString",
        creationDate="CreationDate",
        hockeyAppToken="HockeyAppToken",
        instrumentationKey="InstrumentationKey",
        laMigrationDate="LaMigrationDate",
        privateLinkScopedResources="PrivateLinkScopedResources",
        tenantId="TenantId",
    ),
    required=words("resourceGroupName applicationType kind"),
    defaults={
        "applicationType": "web",
        "flowType": "Bluefield",
        "ingestionMode": "LogAnalytics",
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "requestSource": "rest",
        "retentionInDays": 90,
    },
    secret_outputs=words("connectionString instrumentationKey hockeyAppToken"),
)

LOG_ANALYTICS: Final = ArmType(
    pulumi_type="azure-native:operationalinsights:Workspace",
    name="Microsoft.OperationalInsights/workspaces",
    api_version=api_versions.LOG_ANALYTICS,
    path=f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/{{workspaceName}}",
    name_rule=RULES["log_analytics"],
    inputs=beside("identity location tags")
    | inside(
        """
        defaultDataCollectionRuleResourceId features forceCmkForQuery
        publicNetworkAccessForIngestion publicNetworkAccessForQuery retentionInDays sku
        workspaceCapping
        """
    ),
    outputs=beside("etag name systemData type")
    | inside("createdDate customerId modifiedDate privateLinkScopedResources provisioningState"),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName sku.name"),
    read_only=words("sku.lastSkuUpdate features.unifiedSentinelBillingOnly")
    | words("identity.principalId identity.tenantId")
    | below("workspaceCapping", "dataIngestionStatus quotaNextResetTime"),
    defaults={
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "retentionInDays": 30,
        "sku.name": "PerGB2018",
    },
)

REGISTRY: Final = ArmType(
    pulumi_type="azure-native:containerregistry:Registry",
    name="Microsoft.ContainerRegistry/registries",
    api_version=api_versions.CONTAINER_REGISTRY,
    path=f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{{registryName}}",
    name_rule=RULES["registry"],
    inputs=beside("identity location sku tags")
    | inside(
        """
        adminUserEnabled anonymousPullEnabled dataEndpointEnabled encryption
        networkRuleBypassOptions networkRuleSet policies publicNetworkAccess zoneRedundancy
        """
    ),
    outputs=beside("name systemData type")
    | inside(
        """
        creationDate dataEndpointHostNames loginServer privateEndpointConnections
        provisioningState status
        """
    ),
    polled=frozenset({"PUT", "DELETE"}),
    required=words("resourceGroupName sku sku.name networkRuleSet.defaultAction"),
    read_only=words("sku.tier identity.principalId identity.tenantId")
    | below("policies", "retentionPolicy.lastUpdatedTime softDeletePolicy.lastUpdatedTime"),
    defaults={
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "networkRuleBypassOptions": "AzureServices",
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
        "networkRuleSet.ipRules.action": "Allow",
        "policies.azureADAuthenticationAsArmPolicy.status": "enabled",
        "policies.exportPolicy.status": "enabled",
        "policies.quarantinePolicy.status": "disabled",
        "policies.retentionPolicy.days": 7,
        "policies.retentionPolicy.status": "disabled",
        "policies.softDeletePolicy.retentionDays": 7,
        "policies.softDeletePolicy.status": "disabled",
        "policies.trustPolicy.status": "disabled",
        "policies.trustPolicy.type": "Notary",
    },
    renamed={"networkRuleSet.ipRules.iPAddressOrRange": "value"},
)

USER_ASSIGNED_IDENTITY: Final = ArmType(
    pulumi_type="azure-native:managedidentity:UserAssignedIdentity",
    name="Microsoft.ManagedIdentity/userAssignedIdentities",
    api_version=api_versions.MANAGED_IDENTITY,
    path=(f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}"),
    name_rule=RULES["user_assigned_identity"],
    inputs=beside("location tags"),
    outputs=beside("name systemData type") | inside("clientId principalId tenantId"),
    required=words("resourceGroupName"),
)

ROLE_DEFINITION: Final = ArmType(
    pulumi_type="azure-native:authorization:RoleDefinition",
    name="Microsoft.Authorization/roleDefinitions",
    api_version=api_versions.ROLE_DEFINITIONS,
    path="/{scope}/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionId}",
    name_rule=RULES["role_definition"],
    inputs=inside("assignableScopes description permissions roleName", roleType="type"),
    outputs=beside("name systemData type") | inside("createdBy createdOn updatedBy updatedOn"),
    autoname="uuid",
    required=words("scope"),
    defaults={"roleType": "CustomRole"},
)

ROLE_ASSIGNMENT: Final = ArmType(
    pulumi_type="azure-native:authorization:RoleAssignment",
    name="Microsoft.Authorization/roleAssignments",
    api_version=api_versions.AUTHORIZATION,
    path="/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
    name_rule=RULES["role_assignment"],
    inputs=inside(
        """
        condition conditionVersion delegatedManagedIdentityResourceId description principalId
        principalType roleDefinitionId
        """
    ),
    outputs=beside("name systemData type")
    | inside("createdBy createdOn scope updatedBy updatedOn"),
    autoname="uuid",
    required=words("scope principalId roleDefinitionId"),
    defaults={"principalType": "User"},
    delete_before_replace=True,
)

ROWS: Final = (
    RESOURCE_GROUP,
    STORAGE_ACCOUNT,
    BLOB_CONTAINER,
    KEY_VAULT,
    APPLICATION_INSIGHTS,
    LOG_ANALYTICS,
    REGISTRY,
    USER_ASSIGNED_IDENTITY,
    ROLE_DEFINITION,
    ROLE_ASSIGNMENT,
)
