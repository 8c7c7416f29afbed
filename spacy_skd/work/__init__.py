"""Where work is carried out: in processes of this machine, or on the machines of a cluster."""
