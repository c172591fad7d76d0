"""A run on the Hugging Face Hub: pushed in one commit, and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilabel_selfinstruct.lazy import lazy_names

if TYPE_CHECKING:
    from distilabel_selfinstruct.hub.access import check_push
    from distilabel_selfinstruct.hub.client import HubError
    from distilabel_selfinstruct.hub.model import push_model
    from distilabel_selfinstruct.hub.push import push_run
    from distilabel_selfinstruct.hub.reading import distiset_from_hub

__all__ = ["HubError", "check_push", "distiset_from_hub", "push_model", "push_run"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "hub.access": ["check_push"],
        "hub.client": ["HubError"],
        "hub.model": ["push_model"],
        "hub.push": ["push_run"],
        "hub.reading": ["distiset_from_hub"],
    },
)
