az ml experiment prepare -c <remotedocker>
