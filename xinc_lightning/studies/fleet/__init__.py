"""Many fits as one: a plan of clips, seeds and settings, carried out by a pool of processes or by Ray."""
