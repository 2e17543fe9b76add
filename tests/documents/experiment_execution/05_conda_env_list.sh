$ conda env list
