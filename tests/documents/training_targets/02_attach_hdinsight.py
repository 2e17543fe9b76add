from azureml.core.compute import ComputeTarget, HDInsightCompute
from azureml.exceptions import ComputeTargetException

try:
 # if you want to connect using SSH key instead of username/password you can provide parameters private_key_file and private_key_passphrase
 attach_config = HDInsightCompute.attach_configuration(address='<clustername>-ssh.azurehdinsight.net',
                                                       ssh_port=22,
                                                       username='<ssh-username>',
                                                       password='<ssh-pwd>')
 # If you are in US East, US West 2, or US South Central, use the following instead:
 # attach_config = HDInsightCompute.attach_configuration(resource_id='<resource_id>',
 #                                                      ssh_port=22,
 #                                                      username='<ssh-username>',
 #                                                      password='<ssh-pwd>')
 hdi_compute = ComputeTarget.attach(workspace=ws,
                                    name='myhdi',
                                    attach_configuration=attach_config)

except ComputeTargetException as e:
 print("Caught = {}".format(e.message))

hdi_compute.wait_for_completion(show_output=True)
