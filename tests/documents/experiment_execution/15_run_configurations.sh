az ml runconfigurations
