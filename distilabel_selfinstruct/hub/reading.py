"""A pushed run, read back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
from datasets import Dataset, DatasetDict, Features
from distilabel.distiset import Distiset
from huggingface_hub import HfApi

from distilabel_selfinstruct.data.folder import PIPELINE
from distilabel_selfinstruct.hub.access import check_name
from distilabel_selfinstruct.hub.client import HubError, ask, connect, hide
from distilabel_selfinstruct.hub.contents import CARD, data_file
from distilabel_selfinstruct.report.card import pushed_configs, split_card


def distiset_from_hub(repo_id: str, token: str | None = None, revision: str | None = None) -> Distiset:
    """The Distiset of a pushed run, with all its configs; of one commit, whatever is pushed meanwhile.

    Args:
        repo_id: `namespace/name`.
        token: of the Hub; None: the one that huggingface_hub finds, if any.
        revision: branch, tag or commit; None: what is there now.

    Raises:
        HubError: if it cannot be read, or was not pushed by this project.
    """
    token = hide(token)
    check_name(repo_id)
    api = connect(token)
    return ask(f"read {repo_id}", lambda: _read(api, repo_id, revision), token)


def _read(api: HfApi, repo_id: str, revision: str | None) -> Distiset:
    commit = api.dataset_info(repo_id, revision=revision)
    present = {sibling.rfilename for sibling in commit.siblings or []}

    def fetch(name: str) -> Path:
        return Path(api.hf_hub_download(repo_id, name, repo_type="dataset", revision=commit.sha))

    card = fetch(CARD).read_text(encoding="utf-8") if CARD in present else ""
    configs = pushed_configs(split_card(card)[0])
    if not configs:
        raise HubError(f"{repo_id}: was not pushed by distilabel-selfinstruct; load it with datasets.load_dataset.")
    distiset = Distiset()
    for config in configs:
        files = sorted(path for path in present if data_file(config).fullmatch(path))
        distiset[config] = DatasetDict({"train": _read_parquet([fetch(path) for path in files])})
    if PIPELINE in present:
        distiset.pipeline_path = fetch(PIPELINE)
    return distiset


def _read_parquet(paths: Sequence[Path]) -> Dataset:
    """The rows of the files; of none, with the right types: `datasets` itself refuses files without rows."""
    files = [pq.ParquetFile(path) for path in paths]
    if any(file.metadata.num_rows for file in files):
        return Dataset.from_parquet([str(path) for path in paths])
    features = Features.from_arrow_schema(files[0].schema_arrow)
    return Dataset.from_dict({name: [] for name in features}, features)
