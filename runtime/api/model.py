"""``Model``, as in azureml-core: a registered version of a model's files."""

from runtime.agent.assets.model import Framework, Model
from runtime.agent.assets.resource_configuration import ResourceConfiguration

__all__ = ["Framework", "Model", "ResourceConfiguration"]
