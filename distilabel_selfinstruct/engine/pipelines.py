"""The pipelines that a user makes: on this machine, and on a Ray cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.engine.local import LocalPipeline

if TYPE_CHECKING:
    from distilabel_selfinstruct.engine.ray.pipeline import RayPipeline

__all__ = ["Pipeline", "RayPipeline"]


class Pipeline(LocalPipeline):
    """distilabel's `Pipeline` on this machine, made to finish whole or raise.

    Used like distilabel's own. One error, one dead worker or one signal ends it with an exception, within seconds and
    with nothing left running; what `DurableLLM`s recorded makes the next run go on from there.

    Args:
        name: name of the pipeline; in the cache a fingerprint of steps and data is added to it.
        concurrency: most requests of its `DurableLLM`s in flight at any moment, over all steps.
        budget: tokens or money after which no request is sent any more.
        limits: requests and tokens a minute.
        log_file: where the log goes, instead of a file in the cache.
        verbose: whether the log is shown on screen too.
        cache_dir: where finished results are kept.
    """

    def ray(self, ray_head_node_url: str | None = None, ray_init_kwargs: dict[str, Any] | None = None) -> RayPipeline:
        """The same steps in a `RayPipeline` of this package, on the cluster at `HOST:PORT` or a new one here.

        Raises:
            ConfigError: if `ray_init_kwargs` are given.
        """
        from distilabel_selfinstruct.engine.ray.pipeline import RayPipeline

        pipeline = RayPipeline(
            self.name,
            address=ray_head_node_url or "local",
            ray_init_kwargs=ray_init_kwargs,
            description=self.description,
            cache_dir=self._cache_dir,
            enable_metadata=self._enable_metadata,
            requirements=self.requirements,
            concurrency=self.concurrency,
            budget=self.budget,
            limits=self.limits,
            log_file=self.log_file,
            verbose=self.verbose,
        )
        pipeline.dag = self.dag
        return pipeline


def __getattr__(name: str) -> Any:
    """Imports `RayPipeline` when it is first used: a run on this machine needs none of its parts."""
    if name == "RayPipeline":
        from distilabel_selfinstruct.engine.ray.pipeline import RayPipeline

        return RayPipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
