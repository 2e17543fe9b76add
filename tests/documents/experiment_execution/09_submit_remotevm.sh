$ az ml experiment submit -c remotevm myscript.py
