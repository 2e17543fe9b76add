az ml runconfiguration create
