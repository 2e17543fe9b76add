"""azure-ai-ml reads data and models that were registered by us, and registers some for us."""

import tempfile
from pathlib import Path

from account import GROUP, SUBSCRIPTION, WORKSPACE, credential, report
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data, Model

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)


def main(folder):
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("n\n1\n")
    (folder / "m.txt").write_text("weights")
    client.data.create_or_update(
        Data(name="theirs", version="1", path=str(folder / "in"), type="uri_folder")
    )
    client.models.create_or_update(
        Model(name="theirs", path=str(folder / "m.txt"), type="custom_model")
    )
    found = [client.data.get(each.name, label="latest") for each in client.data.list()]
    model = client.models.get("ours", label="latest")
    client.models.download("ours", "1", download_path=str(folder / "got"))
    return {
        "data": {each.name: [each.type, each.version] for each in found},
        "model": [model.version, dict(model.tags), model.description],
        "downloaded": [p.read_text() for p in (folder / "got").rglob("*.txt")],
    }


with tempfile.TemporaryDirectory() as name:
    report(main(Path(name)))
