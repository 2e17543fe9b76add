print(os.environ.get("EXAMPLE_ENV_VAR1"))
