"""`rigline demo`: the whole main job on this machine, with a forge in memory and real everything else."""
