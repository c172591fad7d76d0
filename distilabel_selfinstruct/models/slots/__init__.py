"""The slots of a run: one number of requests in flight, shared by all its stages and processes."""

from distilabel_selfinstruct.models.slots.client import Slots, join_slots, run_id
from distilabel_selfinstruct.models.slots.pace import RateLimits
from distilabel_selfinstruct.models.slots.server import SlotServer, Spent
from distilabel_selfinstruct.models.slots.wire import STOP_REASONS, Asked, RunStopped

__all__ = ["STOP_REASONS", "Asked", "RateLimits", "RunStopped", "SlotServer", "Slots", "Spent", "join_slots", "run_id"]
