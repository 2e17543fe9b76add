"""The api-versions this project speaks, one constant each.

Those of resource types are the ones that ``pulumi_azure_native`` 3.29 speaks, so that both engines
send the same requests.
"""

from typing import Final

MACHINE_LEARNING: Final = "2025-12-01"
MACHINE_LEARNING_BATCH: Final = "2020-02-02"
"""The last version that lists Batch computes."""
MACHINE_LEARNING_JOBS: Final = ("2024-10-01", MACHINE_LEARNING)
"""Those that clients use for jobs and schedules."""
MACHINE_LEARNING_ASSETS: Final = ("2023-04-01", "2024-04-01", *MACHINE_LEARNING_JOBS)
"""Those that clients use for data, code, environments, models and components."""
MACHINE_LEARNING_VM_SIZES: Final = "2020-04-01"
"""The first version that lists VM sizes under ``value``, not ``amlCompute``."""
RESOURCES: Final = "2024-03-01"
PROVIDERS: Final = "2021-04-01"
SUBSCRIPTIONS: Final = "2022-12-01"
COMMON: Final = (PROVIDERS, "2022-09-01", RESOURCES, "2025-04-01")
"""Those the local cloud names for a type whose row has none."""
CLOUDS_LISTED: Final = "2019-05-01"
"""The first version of a cloud's metadata that lists clouds."""
CLOUD_ALONE: Final = "2022-09-01"
"""The first version of a cloud's metadata that describes one cloud again."""
STORAGE: Final = "2024-01-01"
KEY_VAULT: Final = "2024-11-01"
APPLICATION_INSIGHTS: Final = "2020-02-02"
LOG_ANALYTICS: Final = "2023-09-01"
CONTAINER_REGISTRY: Final = "2023-01-01-preview"
CONTAINER_REGISTRY_NAMES: Final = "2023-07-01"
"""Of the operation that checks whether a registry's name is free."""
MANAGED_IDENTITY: Final = "2023-01-31"
AUTHORIZATION: Final = "2022-04-01"
ROLE_DEFINITIONS: Final = "2022-05-01-preview"
LOCKS: Final = "2020-05-01"
NETWORK: Final = "2024-05-01"
PRIVATE_DNS: Final = "2024-06-01"
DIAGNOSTICS: Final = "2021-05-01-preview"
CONTAINER_SERVICE: Final = "2025-09-01"
KUBERNETES_EXTENSIONS: Final = "2023-05-01"
BATCH: Final = "2024-07-01"
DATABRICKS: Final = "2026-01-01"
VIRTUAL_MACHINES: Final = "2024-11-01"
HDINSIGHT: Final = "2024-08-01-preview"

BLOB_SERVICE: Final = "2021-06-08"
"""Of blob storage's data plane (``x-ms-version``), which has versions of its own."""
BLOB_SERVICE_ENCRYPTION_SCOPE: Final = "2020-12-06"
"""The first version whose shared access signatures cover the encryption scope."""
