"""The effect of changes to Azure ML's workspaces, computes (a list per kind) and datastores.

Rows only. Azure ML's REST contract is the first source, Terraform's provider, which is tested
against the service, the second; a property that neither covers is assumed fixed.
"""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.updates.rule import (
    BY_PUT,
    CREATE_READ,
    FORCE_NEW,
    ID,
    IGNORES,
    LOCATION,
    MODEL,
    NO_RECREATION,
    OVERWRITES,
    PATCH,
    REPEATED,
    SERVICE_SAYS,
    UNSAID,
    UPDATE_MODEL,
    Change,
    UpdateRule,
    rows,
)

_INNER: Final = "properties.properties"
_ACCOUNT: Final = f"{_INNER}.administratorAccount"

_ISOLATION: Final = ("disabled", "allowinternetoutbound", "allowonlyapprovedoutbound")
"""Modes of a managed network, each stricter than the one before it."""


def _loosens(old: object, new: object) -> bool:
    """Return whether a managed network would let more out than it does."""
    known = [str(each or _ISOLATION[0]).lower() for each in (old, new)]
    was, wanted = (_ISOLATION.index(each) if each in _ISOLATION else 0 for each in known)
    return wanted < was


WORKSPACE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName workspaceName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.REPLACE, MODEL, "storageAccount keyVault"),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        "hbiWorkspace encryption enableServiceSideCMKEncryption provisionNetworkNow",
    ),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        "status identity keyVaultProperties.keyVaultArmId keyVaultProperties.identityClientId",
        below="encryption",
    ),
    *rows(Change.REPLACE, UNSAID, "hubResourceId kind"),
    *rows(Change.IN_PLACE, UPDATE_MODEL, "encryption.keyVaultProperties.keyIdentifier"),
    *rows(
        Change.IN_PLACE,
        UPDATE_MODEL,
        """
        tags sku identity friendlyName description publicNetworkAccess
        primaryUserAssignedIdentity systemDatastoresAuthMode v1LegacyMode managedNetwork
        serverlessComputeSettings serviceManagedResourcesSettings featureStoreSettings
        enableDataIsolation applicationInsights containerRegistry
        """,
    ),
    UpdateRule(
        "managedNetwork.isolationMode",
        Change.REPLACE,
        SERVICE_SAYS,
        only_if=_loosens,
        condition="to a mode that is less strict",
    ),
    UpdateRule(
        "imageBuildCompute",
        Change.IN_PLACE,
        f"{UPDATE_MODEL}; {NO_RECREATION}#25622 reports a workspace lost to its replacement",
    ),
    *rows(
        Change.IN_PLACE,
        OVERWRITES,
        """
        allowPublicAccessWhenBehindVnet associatedWorkspaces sharedPrivateLinkResources
        workspaceHubConfig
        """,
    ),
    UpdateRule(
        "discoveryUrl",
        Change.IGNORED,
        "Azure ML REST contract: an input in the schema, an output in practice",
    ),
)

COMPUTE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName workspaceName computeName"),
    *rows(Change.REPLACE, LOCATION, "location"),
    *rows(Change.REPLACE, UNSAID, "sku properties"),
    *rows(Change.REPLACE, CREATE_READ, "computeLocation disableLocalAuth", below="properties"),
    UpdateRule("properties.computeType", Change.REPLACE, "OpenAPI: the discriminator"),
    UpdateRule("properties.resourceId", Change.REPLACE, "an attachment is of one resource"),
    *rows(Change.REPLACE, UNSAID, "description", below="properties"),
    *rows(Change.IN_PLACE, OVERWRITES, "identity tags"),
)

_AML_COMPUTE: Final = (
    UpdateRule("identity", Change.IN_PLACE, f"{BY_PUT}; {NO_RECREATION}#25883 asks for it"),
    UpdateRule("tags", Change.IN_PLACE, f"{BY_PUT}; {NO_RECREATION}#29859 asks for it"),
    *rows(Change.REPLACE, FORCE_NEW, "description", below="properties"),
    UpdateRule(f"{_INNER}.scaleSettings", Change.PARTIAL, PATCH),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        """
        vmSize vmPriority enableNodePublicIp userAccountCredentials remoteLoginPortPublicAccess
        subnet
        """,
        below=_INNER,
    ),
    *rows(
        Change.REPLACE,
        UNSAID,
        "osType virtualMachineImage isolatedNetwork propertyBag",
        below=_INNER,
    ),
)

_COMPUTE_INSTANCE: Final = (
    UpdateRule("identity", Change.REPLACE, FORCE_NEW),
    UpdateRule(
        "tags",
        Change.IGNORED,
        f"{FORCE_NEW}; {NO_RECREATION}#31747 asks for better, and no tag is worth a machine",
    ),
    *rows(Change.REPLACE, FORCE_NEW, "description", below="properties"),
    UpdateRule(
        f"{_INNER}.idleTimeBeforeShutdown",
        Change.ACTION,
        f"OpenAPI: updateIdleShutdownSetting; a PUT of it is ignored, {IGNORES}",
        action="updateIdleShutdownSetting",
    ),
    *rows(Change.IGNORED, IGNORES, "schedules", below=_INNER),
    *rows(
        Change.REPLACE,
        FORCE_NEW,
        """
        vmSize subnet sshSettings personalComputeInstanceSettings computeInstanceAuthorizationType
        enableNodePublicIp
        """,
        below=_INNER,
    ),
    *rows(
        Change.REPLACE,
        UNSAID,
        """
        applicationSharingPolicy setupScripts customServices enableSSO enableRootAccess
        releaseQuotaOnStop enableOSPatching
        """,
        below=_INNER,
    ),
)

_ACCOUNT_ROWS: Final = (
    *rows(
        Change.REPLACE,
        UNSAID,
        "sshPort address administratorAccount administratorAccount.username",
        below=_INNER,
    ),
    *rows(
        Change.IN_PLACE,
        REPEATED,
        "password publicKeyData privateKeyData passphrase",
        below=_ACCOUNT,
    ),
)

KINDS: Final[Mapping[str, tuple[UpdateRule, ...]]] = {
    "AmlCompute": _AML_COMPUTE,
    "ComputeInstance": _COMPUTE_INSTANCE,
    "VirtualMachine": (
        *_ACCOUNT_ROWS,
        *rows(
            Change.REPLACE,
            UNSAID,
            "virtualMachineSize notebookServerPort isNotebookInstanceCompute",
            below=_INNER,
        ),
    ),
    "HDInsight": _ACCOUNT_ROWS,
    "Databricks": (
        *rows(Change.IN_PLACE, REPEATED, "databricksAccessToken", below=_INNER),
        *rows(Change.REPLACE, UNSAID, "workspaceUrl", below=_INNER),
    ),
    "DataLakeAnalytics": rows(Change.REPLACE, UNSAID, "dataLakeStoreAccountName", below=_INNER),
    "DataFactory": (),
    "Kubernetes": (
        *rows(
            Change.IN_PLACE,
            REPEATED,
            "relayConnectionString serviceBusConnectionString",
            below=_INNER,
        ),
        *rows(
            Change.REPLACE,
            UNSAID,
            """
            extensionPrincipalId extensionInstanceReleaseTrain vcName namespace
            defaultInstanceType instanceTypes
            """,
            below=_INNER,
        ),
    ),
    "AKS": (
        *rows(Change.IN_PLACE, REPEATED, "cert key", below=f"{_INNER}.sslConfiguration"),
        *rows(
            Change.REPLACE,
            UNSAID,
            """
            clusterFqdn agentCount agentVmSize clusterPurpose sslConfiguration
            aksNetworkingConfiguration loadBalancerType loadBalancerSubnet systemServices
            """,
            below=_INNER,
        ),
        *rows(
            Change.REPLACE,
            UNSAID,
            "status cname leafDomainLabel overwriteExistingDomain",
            below=f"{_INNER}.sslConfiguration",
        ),
    ),
    "SynapseSpark": rows(
        Change.REPLACE,
        UNSAID,
        """
        autoScaleProperties autoPauseProperties sparkVersion nodeCount nodeSize nodeSizeFamily
        subscriptionId resourceGroup workspaceName poolName
        """,
        below=_INNER,
    ),
    "Batch": (),
}

DATASTORE: Final = (
    *rows(Change.REPLACE, ID, "resourceGroupName workspaceName name"),
    *rows(Change.REPLACE, UNSAID, "properties"),
    *rows(
        Change.REPLACE,
        f"{FORCE_NEW}: the storage it points to",
        """
        datastoreType accountName containerName fileShareName filesystem endpoint protocol
        storeName subscriptionId resourceGroup
        """,
        below="properties",
    ),
    *rows(Change.IN_PLACE, OVERWRITES, "description tags properties", below="properties"),
    *rows(Change.IN_PLACE, REPEATED, "credentials", below="properties"),
    *rows(Change.REPLACE, UNSAID, "serviceDataAccessAuthIdentity", below="properties"),
    UpdateRule("skipValidation", Change.IN_PLACE, "OpenAPI: belongs to the request"),
)
