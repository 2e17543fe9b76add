$az ml experiment submit -c docker myscript.py
