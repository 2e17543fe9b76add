run = experiment.submit(cntk_est)
