$ az ml experiment submit -c myhdi myscript.py
