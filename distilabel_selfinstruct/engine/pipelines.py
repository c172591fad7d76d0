"""The pipelines: on this machine, and on a Ray cluster."""

from distilabel_selfinstruct.engine.pipeline import Pipeline
from distilabel_selfinstruct.engine.ray.pipeline import RayPipeline

__all__ = ["Pipeline", "RayPipeline"]
