"""The azureml target: jobs on Azure ML computes, in Azure or the local cloud."""
