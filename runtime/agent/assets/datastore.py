"""``Datastore``, as in azureml-core: storage that a workspace knows by name."""

import os
from typing import Dict, List, Optional, Sequence, Tuple

from . import transfers
from .blob_http import BlobHttp, Credential
from .blobs import Blob, Container
from .errors import UserErrorException, not_offered
from .local_files import files_in, remote_path
from .progress import Progress
from .references import AnyDatastore, DataReference
from .registering import (
    Properties,
    blob_store,
    check_name,
    file_share,
    lake,
    lake_gen2,
    service_principal,
)
from .transport import (
    NOT_FOUND,
    HasTransport,
    Transport,
    found,
    items,
    refused,
    request,
    section,
    segment,
)

_CONTAINERS = {"AzureBlob": "containerName", "AzureDataLakeGen2": "filesystem"}
_PLACES = dict(_CONTAINERS, AzureFile="fileShareName")
_FIRST_ERROR = 400
_DEFAULT = "workspaceblobstore"


class Datastore(AnyDatastore):
    """Storage that a workspace knows by name; without a name, the workspace's default.

    Files go to and from blob containers and Data Lake Gen2 file systems.
    Raises ``UserErrorException`` if the workspace has no such datastore.
    """

    def __new__(cls, workspace: HasTransport, name: Optional[str] = None) -> "Datastore":
        transport = workspace.transport
        document = _default(transport) if name is None else found(transport, _path(name))
        if document is None:
            known = ", ".join(sorted(str(each["name"]) for each in items(transport, "/datastores")))
            raise UserErrorException(
                f"Could not find datastore {name} in the workspace; it has {known}."
            )
        kind = str(section(document, "properties").get("datastoreType"))
        made = object.__new__(_CLASSES.get(kind, cls))
        made.read(workspace, document)
        return made

    def __init__(self, workspace: HasTransport, name: Optional[str] = None) -> None:
        """Leave it as ``__new__`` filled it: the class depends on what the service answers."""

    def read(self, workspace: HasTransport, document: Dict[str, object]) -> None:
        """Take the attributes from what the service answered."""
        properties = section(document, "properties")
        self.workspace = workspace
        self.name = str(document["name"])
        self.datastore_type = str(properties.get("datastoreType"))
        self.container_name = str(properties.get(_PLACES.get(self.datastore_type, "")) or "")
        # The local cloud shows an account as `host:port/account`.
        self.account_name = str(properties.get("accountName") or "").rpartition("/")[2]
        self.protocol = str(properties.get("protocol") or "https")
        self.endpoint = str(properties.get("endpoint") or "core.windows.net")
        # Azure has them only for a datastore that says where its account is.
        self.subscription_id = _text(properties, "subscriptionId")
        self.resource_group = _text(properties, "resourceGroup")
        self.service_data_access_auth_identity = (
            _text(properties, "serviceDataAccessAuthIdentity") or "None"
        )
        self.store_name = _text(properties, "storeName")
        principal = section(properties, "credentials")
        self.tenant_id = _text(principal, "tenantId")
        self.client_id = _text(principal, "clientId")
        self.resource_url = _text(principal, "resourceUrl")
        self.authority_url = _text(principal, "authorityUrl")
        self._shown_account = str(properties.get("accountName") or "")
        self._container: Optional[Container] = None
        self._secrets: Optional[Dict[str, object]] = None

    @staticmethod
    def get(workspace: HasTransport, datastore_name: str) -> "Datastore":
        return Datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: HasTransport) -> "Datastore":
        return Datastore(workspace)

    @staticmethod
    def all(workspace: HasTransport) -> "Dict[str, Datastore]":
        """Return the workspace's datastores by name."""
        listed = items(workspace.transport, "/datastores")
        made = [_made(workspace, document) for document in listed]
        return {each.name: each for each in made}

    # --- registering

    @staticmethod
    def register_azure_blob_container(
        workspace: HasTransport,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: Optional[int] = None,
        grant_workspace_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
    ) -> "Datastore":
        """Register a blob container; ``create_if_not_exists`` creates it in its account."""
        _no_cache_or_grant(blob_cache_timeout, grant_workspace_access)
        properties = blob_store(
            account_name, container_name, account_key, sas_token, protocol, endpoint
        )
        properties.update(_place(subscription_id, resource_group))
        made = _registered(workspace, datastore_name, properties, overwrite, skip_validation)
        if create_if_not_exists:
            made.container().create()
        return made

    @staticmethod
    def register_azure_file_share(
        workspace: HasTransport,
        datastore_name: str,
        file_share_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> "Datastore":
        """Register a file share that exists."""
        if create_if_not_exists:
            raise not_offered("create_if_not_exists for a file share", "Create the share first.")
        properties = file_share(
            account_name, file_share_name, account_key, sas_token, protocol, endpoint
        )
        return _registered(workspace, datastore_name, properties, overwrite, skip_validation)

    @staticmethod
    def register_azure_data_lake(
        workspace: HasTransport,
        datastore_name: str,
        store_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        overwrite: bool = False,
        grant_workspace_access: bool = False,
    ) -> "Datastore":
        """Register a Data Lake Gen1 store."""
        _no_cache_or_grant(None, grant_workspace_access)
        credentials = service_principal(
            tenant_id, client_id, client_secret, authority_url, resource_url
        )
        properties = dict(lake(store_name, credentials), **_place(subscription_id, resource_group))
        return _registered(workspace, datastore_name, properties, overwrite, True)

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: HasTransport,
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
    ) -> "Datastore":
        """Register a file system of a Data Lake Gen2 account."""
        _no_cache_or_grant(None, grant_workspace_access)
        credentials = service_principal(
            tenant_id, client_id, client_secret, authority_url, resource_url
        )
        properties = lake_gen2(account_name, filesystem, credentials, protocol, endpoint)
        properties.update(_place(subscription_id, resource_group))
        return _registered(workspace, datastore_name, properties, overwrite, True)

    # --- files

    def upload(
        self,
        src_dir: str,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload the files of a folder; return a reference to where they are.

        Without ``overwrite``, files that are there already are left as they are.
        """
        if not os.path.isdir(src_dir):
            raise UserErrorException(f"There is no folder {src_dir}.")
        files = [(name, path) for name, path in files_in(str(src_dir))]
        return self._upload(files, target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: Sequence[str],
        relative_root: Optional[str] = None,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload files, named below ``target_path`` by their path below ``relative_root``.

        Without a root, each keeps its own name only.
        """
        missing = [file for file in files if not os.path.isfile(file)]
        if missing:
            raise UserErrorException("These files do not exist: {}.".format(", ".join(missing)))
        named = [(_name_below(str(file), relative_root), str(file)) for file in files]
        return self._upload(named, target_path, overwrite, show_progress)

    def download(
        self,
        target_path: str,
        prefix: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Download the files below ``prefix``, under their whole path; return how many."""
        wanted = [(blob.name, blob) for blob in self.blobs(prefix or "")]
        progress = Progress("Download", len(wanted), show_progress)
        transfers.download(self.container(), wanted, str(target_path), overwrite, progress)
        return len(wanted)

    def blobs(self, path: str) -> List[Blob]:
        """Return the file at a path, or the files below it; ``""`` for all."""
        clean = remote_path(path)
        container = self.container()
        single = container.head(clean) if clean and not path.endswith("/") else None
        if single is not None:
            return [single]
        return list(container.list(clean + "/" if clean else ""))

    def container(self) -> Container:
        """Return the datastore's container. Raises ``UserErrorException`` if it is of no blobs."""
        if self.datastore_type not in _CONTAINERS:
            raise UserErrorException(
                f"Datastore {self.name} is of type {self.datastore_type}; files go to and from "
                "AzureBlob and AzureDataLakeGen2 here. Use one of these."
            )
        if self._container is None:
            host = f"{self._reachable_account()}.blob.{self.endpoint}"
            url = f"{self.protocol}://{host}/{self.container_name}"
            ca_file = self.workspace.transport.ca_file
            self._container = Container(url, self._credential(), ca_file)
        return self._container

    def uri(self, path: str = "") -> str:
        """Return a path as Azure ML's URI, with its workspace."""
        parts = self.workspace.transport.workspace_id.strip("/").split("/")
        return f"azureml://subscriptions/{parts[1]}/resourcegroups/{parts[3]}/workspaces/{parts[7]}/datastores/{self.name}/paths/{path}"

    # --- references

    def path(
        self, path: Optional[str] = None, data_reference_name: Optional[str] = None
    ) -> DataReference:
        """Return a reference to a path, or to the root."""
        clean = remote_path(path or "") or None
        return DataReference(self, data_reference_name, clean)

    def as_mount(self) -> DataReference:
        return self.path().as_mount()

    def as_download(self, path_on_compute: Optional[str] = None) -> DataReference:
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute: Optional[str] = None) -> DataReference:
        return self.path().as_upload(path_on_compute)

    # --- the workspace

    def unregister(self) -> None:
        """Remove the datastore from the workspace; what it stores is left as it is."""
        request(self.workspace.transport, "DELETE", _path(self.name))

    def set_as_default(self) -> None:
        """Make it the workspace's default datastore."""
        transport = self.workspace.transport
        # Not in ARM, where `isDefault` is read-only: azureml-core's own route.
        properties = section(request(transport, "GET", ""), "properties")
        services = request(transport, "GET", str(properties["discoveryUrl"]))
        url = "{}/datastore/v1.0{}/default/{}".format(
            str(services["api"]).rstrip("/"), transport.workspace_id, segment(self.name)
        )
        request(transport, "PUT", url)

    @property
    def credential_type(self) -> str:
        """Return ``AccountKey``, ``Sas``, ``ServicePrincipal`` or ``None``."""
        return str(self._secret().get("secretsType") or "None")

    @property
    def is_sas(self) -> bool:
        return self.sas_token is not None

    @property
    def account_key(self) -> Optional[str]:
        """Return the account's key: a secret."""
        return _text(self._secret(), "key")

    @property
    def sas_token(self) -> Optional[str]:
        """Return the shared access signature: a secret."""
        return _text(self._secret(), "sasToken")

    @property
    def client_secret(self) -> Optional[str]:
        """Return the secret of the service principal: a secret."""
        return _text(self._secret(), "clientSecret")

    def __repr__(self) -> str:
        kind, place = type(self).__name__, f"{self.account_name}/{self.container_name}"
        return f"{kind}(name={self.name!r}, container={place!r})"

    def _reachable_account(self) -> str:
        """Return the account as the host of its URL begins.

        The local cloud's accounts have no host names: ``host:port/account`` makes the URL that
        clients compose a path of the cloud itself. It shows that for the workspace's own
        datastores, and an account that was declared as it was declared.
        """
        transport = self.workspace.transport
        if transport.ca_file is None or "/" in self._shown_account:
            return self._shown_account
        own = section(found(transport, _path(_DEFAULT)) or {}, "properties")
        authority = str(own.get("accountName") or "").rpartition("/")[0]
        url = f"https://{authority}/{self.account_name}?restype=account&comp=properties"
        answer = BlobHttp(Credential(), transport.ca_file).send("HEAD", url)
        if answer.status == NOT_FOUND:
            return self._shown_account
        return f"{authority}/{self.account_name}"

    def _credential(self) -> Credential:
        secret = self._secret()
        if secret.get("key"):
            return Credential(self.account_name, key=str(secret["key"]))
        if secret.get("sasToken"):
            return Credential(sas=str(secret["sasToken"]))
        token = self.workspace.transport.storage_token
        if token() is None:
            raise UserErrorException(
                f"Datastore {self.name} has no account key or shared access signature, and this "
                "process has no identity for storage. Register it with one of them."
            )
        return Credential(token=token)

    def _secret(self) -> Dict[str, object]:
        if self._secrets is None:
            path = _path(self.name) + "/listSecrets"
            status, answer = self.workspace.transport.arm("POST", path, {})
            # A datastore that is used by identity has none, which Azure answers as an error.
            if status in _REFUSED:
                raise refused(status, answer)
            self._secrets = answer if status < _FIRST_ERROR else {}
        return self._secrets

    def _upload(
        self, files: List[Tuple[str, str]], target: Optional[str], overwrite: bool, shown: bool
    ) -> DataReference:
        folder = remote_path(target or "")
        named = [(f"{folder}/{name}".lstrip("/"), path) for name, path in files]
        container = self.container()
        transfers.upload(container, named, overwrite, Progress("Upload", len(named), shown))
        return DataReference(self, None, folder or None)


_REFUSED = frozenset({401, 403, 404, 429, 500, 502, 503})


class AzureBlobDatastore(Datastore):
    """A blob container."""


class AzureFileDatastore(Datastore):
    """A file share."""


class AzureDataLakeDatastore(Datastore):
    """A Data Lake Gen1 store."""


class AzureDataLakeGen2Datastore(Datastore):
    """A file system of a Data Lake Gen2 account."""


_CLASSES = {
    "AzureBlob": AzureBlobDatastore,
    "AzureFile": AzureFileDatastore,
    "AzureDataLakeGen1": AzureDataLakeDatastore,
    "AzureDataLakeGen2": AzureDataLakeGen2Datastore,
}


def _text(document: Dict[str, object], key: str) -> Optional[str]:
    found = document.get(key)
    return str(found) if found else None


def _path(name: str) -> str:
    return "/datastores/" + segment(name)


def _made(workspace: HasTransport, document: Dict[str, object]) -> Datastore:
    kind = str(section(document, "properties").get("datastoreType"))
    made = object.__new__(_CLASSES.get(kind, Datastore))
    made.read(workspace, document)
    return made


def _default(transport: Transport) -> Optional[Dict[str, object]]:
    listed = items(transport, "/datastores?isDefault=true")
    default = [each for each in listed if section(each, "properties").get("isDefault")]
    return default[0] if default else found(transport, _path(_DEFAULT))


def _name_below(file: str, root: Optional[str]) -> str:
    if root is None:
        return os.path.basename(file)
    name = os.path.relpath(os.path.abspath(file), os.path.abspath(root)).replace(os.sep, "/")
    if name == ".." or name.startswith("../"):
        raise UserErrorException(f"{file} is not below the root {root}.")
    return name


def _registered(
    workspace: HasTransport, name: str, properties: Properties, overwrite: bool, skip: bool
) -> Datastore:
    check_name(name)
    transport = workspace.transport
    if not overwrite and found(transport, _path(name)) is not None:
        raise UserErrorException(
            f"The workspace already has a datastore {name}; give overwrite=True to replace it."
        )
    path = _path(name) + ("?skipValidation=true" if skip else "")
    request(transport, "PUT", path, {"properties": properties})
    return Datastore(workspace, name)


def _place(subscription: Optional[str], group: Optional[str]) -> Properties:
    given = {"subscriptionId": subscription, "resourceGroup": group}
    return {name: value for name, value in given.items() if value}


def _no_cache_or_grant(cache: Optional[int], grant: bool) -> None:
    if cache is not None:
        raise not_offered("blob_cache_timeout", "Nothing is cached between runs; leave it out.")
    if grant:
        raise not_offered(
            "grant_workspace_access", "Assign the workspace's identity a role on the storage."
        )


def _refused(verb: str) -> "staticmethod[..., Datastore]":
    def register(*_: object, **__: object) -> Datastore:
        raise not_offered(f"Datastore.{verb}", "Register a blob container or a Data Lake store.")

    return staticmethod(register)


for _verb in ("azure_sql_database", "azure_postgre_sql", "azure_my_sql", "dbfs", "hdfs"):
    setattr(Datastore, "register_" + _verb, _refused("register_" + _verb))
