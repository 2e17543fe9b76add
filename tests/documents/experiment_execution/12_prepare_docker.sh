az ml experiment prepare -c docker
