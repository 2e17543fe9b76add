"""The Pulumi program: builds a platform from the configuration and exports the manifest."""

import os
from functools import partial
from pathlib import Path

import pulumi

from infra.components.adoption import AdoptedResources
from infra.components.configuration import program_configuration
from infra.components.context import CREDENTIALS_OUTPUT
from infra.components.credentials import CredentialReader
from infra.components.key_vault import read_local_secret, read_vault_secret
from infra.components.manifest_export import manifest_of
from infra.components.platform import Platform
from infra.contract.project import home_folder
from infra.spec.config import spec_from_config

project, stack = pulumi.get_project(), pulumi.get_stack()
config = program_configuration()
spec = spec_from_config(config.values, config.secret_keys, stack=stack)
root = Path(pulumi.runtime.get_root_directory())
in_vault = partial(read_local_secret, home_folder(root))
credentials = CredentialReader(
    os.environ, root, in_vault if spec.cloud == "local" else read_vault_secret
)
adopted = AdoptedResources(spec.adopt)
platform = Platform("platform", spec, credentials=credentials)
adopted.warn_of_rest()
if platform.credentials:
    pulumi.export(CREDENTIALS_OUTPUT, pulumi.Output.secret(platform.credentials))
pulumi.export("manifest", manifest_of(platform, project=project, stack=stack, cloud=spec.cloud))
