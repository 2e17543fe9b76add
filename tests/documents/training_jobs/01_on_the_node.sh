python <entry script> <arguments>
