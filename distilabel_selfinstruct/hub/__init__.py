"""A run on the Hugging Face Hub: pushed in one commit, and read back."""

from distilabel_selfinstruct.hub.access import check_push
from distilabel_selfinstruct.hub.client import HubError
from distilabel_selfinstruct.hub.push import push_run
from distilabel_selfinstruct.hub.reading import distiset_from_hub

__all__ = ["HubError", "check_push", "distiset_from_hub", "push_run"]
