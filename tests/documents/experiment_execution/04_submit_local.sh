$az ml experiment submit -c local myscript.py
