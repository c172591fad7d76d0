"""Models on this machine, through llama.cpp: their weights, and the one engine that all stages of a run ask."""
