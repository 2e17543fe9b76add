"""Keys of a stack file by what others call them: Azure's REST API, Bicep, azurerm, the SDKs.

Written without separators and in lower case. Of several keys, those that exist at the place where
the other name was found are meant; a dot leads into a map there.
"""

from collections.abc import Collection, Mapping
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    # the workspace
    "hbi": "high_business_impact",
    "hbiworkspace": "high_business_impact",
    "cmk": "encryption",
    "customermanagedkey": "encryption",
    "hubresourceid": "hub_id",
    "imagebuildcomputename": "image_build_compute",
    "isolationmode": "managed_network",
    "primaryuserassignedidentity": "primary_identity_id",
    "systemdatastoresauthmode": "system_datastores_auth",
    "softdeleteretention": "soft_delete_days",
    # what it stands on
    "accountreplicationtype": "sku",
    "replication": "sku",
    "networkacls": "firewall ip_rules",
    "networkrules": "firewall ip_rules",
    "networkruleset": "firewall ip_rules",
    "allowsharedkeyaccess": "shared_key_access",
    "sharedaccesskeyenabled": "shared_key_access",
    "cors": "blobs.cors",
    "corsrule": "blobs.cors cors",
    "corsrules": "blobs.cors cors",
    "blobproperties": "blobs",
    "softdelete": "blobs.soft_delete_days soft_delete_days",
    "deleteretentionpolicy": "blobs.soft_delete_days soft_delete_days",
    "containerdeleteretentionpolicy": "blobs.container_soft_delete_days container_soft_delete_days",
    "versioning": "blobs.versioning",
    "versioningenabled": "blobs.versioning versioning",
    "isversioningenabled": "blobs.versioning versioning",
    "rbac": "authorization",
    "enablerbac": "authorization",
    "enablerbacauthorization": "authorization",
    "rbacauthorizationenabled": "authorization",
    "retentiondays": "soft_delete_days",
    "softdeleteretentiondays": "soft_delete_days",
    "softdeleteretentionindays": "soft_delete_days",
    "adminenabled": "admin_user",
    "adminuserenabled": "admin_user",
    "bypass": "azure_services",
    "virtualnetworkrules": "subnets subnet_ids",
    "virtualnetworksubnetids": "subnet_ids",
    # datastores
    "containername": "container",
    "storagecontainerid": "container",
    "filesharename": "share",
    "storagefileshareid": "share",
    "accountkey": "credentials",
    "sastoken": "credentials",
    "sharedaccesssignature": "credentials",
    "servicedataaccessauthidentity": "service_access",
    "servicedataauthidentity": "service_access",
    "servicedataidentity": "service_access",
    # diagnostics
    "workspaceid": "log_analytics_id",
    "loganalyticsworkspaceid": "log_analytics_id",
    # networks
    "nsgid": "network_security_group_id",
    "nsg": "security_rules network_security_group_id",
    "networksecuritygroup": "security_rules network_security_group_id",
    "privateendpointnetworkpolicies": "private_endpoint_policies",
    # computes
    "region": "location",
    "size": "vm_size",
    "virtualmachinesize": "vm_size",
    "tier": "priority",
    "minnodecount": "min_nodes",
    "mininstances": "min_nodes",
    "maxnodecount": "max_nodes",
    "maxinstances": "max_nodes",
    "nodeidletimebeforescaledown": "idle_seconds",
    "scaledownnodesafteridleduration": "idle_seconds",
    "idletimebeforescaledown": "idle_seconds",
    "idletimebeforeshutdown": "idle_shutdown_minutes",
    "nodepublicipenabled": "node_public_ip",
    "remoteloginportpublicaccess": "remote_login",
    "sshpublicaccess": "remote_login ssh_public_key",
    "sshpublicaccessenabled": "remote_login ssh_public_key",
    "ssh": "admin ssh_public_key",
    "sshsettings": "ssh_public_key admin",
    "localauthenabled": "disable_local_auth",
    "localauth": "disable_local_auth",
    "isolated": "isolated_network",
    "authorization": "authorization_type",
    "computeinstanceauthorizationtype": "authorization_type",
    "enablesso": "sso",
    "applicationsharingpolicy": "application_sharing",
    "assigntouser": "assigned_user",
    "personalcomputeinstancesettings": "assigned_user",
    # roles
    "roledefinitionname": "role",
    "roledefinitionid": "role",
}
SECTIONS: Final[Mapping[str, str]] = {
    "compute": "aml:computes",
    "computecluster": "aml:computes",
    "clusters": "aml:computes",
    "vnet": "aml:networks",
    "virtualnetwork": "aml:networks",
    "virtualnetworks": "aml:networks",
    "subnets": "aml:networks",
    "networksecuritygroups": "aml:networks",
    "managedidentities": "aml:identities",
    "userassignedidentities": "aml:identities",
    "vault": "aml:key_vault",
    "keyvaults": "aml:key_vault",
    "storage": "aml:storage_account",
    "storageaccounts": "aml:storage_account",
    "acr": "aml:container_registry",
    "containerregistries": "aml:container_registry",
    "diagnosticsettings": "aml:diagnostics",
    "privateendpoint": "aml:workspace.private_endpoint",
    "privateendpoints": "aml:workspace.private_endpoint",
    "privatednszones": "aml:workspace.private_endpoint",
    "hub": "aml:workspace.kind",
}


def keys_called(name: str, known: Collection[str]) -> list[str]:
    """Return the keys among ``known``, or below one of them, that others call ``name``."""
    found = NAMES.get(_bare(name), "").split()
    return [key for key in found if key.partition(".")[0] in known]


def section_called(name: str) -> str | None:
    """Return the key of a stack's configuration that others call ``name``."""
    return SECTIONS.get(_bare(name))


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
