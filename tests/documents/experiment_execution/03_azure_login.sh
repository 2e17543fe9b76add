# to authenticate
$ az login

# to list subscriptions
$ az account list -o table

# to set current subscription to a particular subscription ID
$ az account set -s <subscription_id>

# to verify your current Azure subscription
$ az account show
