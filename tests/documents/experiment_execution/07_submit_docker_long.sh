az ml experiment submit --run-configuration docker myscript.py
