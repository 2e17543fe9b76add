run = experiment.submit(sk_est)
print(run.get_details().status)
