az ml experiment create -n <experiment>
