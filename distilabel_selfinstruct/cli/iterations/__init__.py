"""`self-instruct loop`: data, training and evaluation in turns, from one config."""
