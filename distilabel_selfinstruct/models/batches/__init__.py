"""Requests in batches: files that a provider, or the user, has answered by and by, for half the price."""
