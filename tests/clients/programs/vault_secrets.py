"""A secret of a vault, made and read by ``azure-keyvault-secrets``, unmodified."""

from account import GROUP, URL, WORKSPACE, credential, refusal, report
from azure.keyvault.secrets import SecretClient

NAME = f"{GROUP}{WORKSPACE}".replace("-", "")[:20] + "kv"

secrets = SecretClient(f"{URL}/{NAME}.vault", credential(), verify_challenge_resource=False)
first = secrets.set_secret("password", "one", content_type="text/plain", tags={"team": "ml"})
second = secrets.set_secret("password", "two")
found = secrets.get_secret("password")
same = secrets.get_secret("password", second.properties.version)
changed = secrets.update_secret_properties("password", tags={"team": "data"})
report(
    {
        "made": [first.name, first.value, first.properties.content_type, first.properties.tags],
        "newest": [found.value, same.value, found.id == second.id],
        "names": [each.name for each in secrets.list_properties_of_secrets()],
        "versions": len(list(secrets.list_properties_of_secret_versions("password"))),
        "changed": changed.tags,
        "deleted": secrets.begin_delete_secret("password").result().name,
        "gone": refusal(secrets.get_secret, "password"),
    }
)
