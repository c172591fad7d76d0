"""A finished run becomes a dataset on the Hub, in one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.findings import read_findings
from distilabel_selfinstruct.hub.access import check_push
from distilabel_selfinstruct.hub.client import HubError, ask, connect, hide
from distilabel_selfinstruct.hub.contents import (
    CARD,
    FIGURES,
    FinishedRun,
    data_file,
    publishable,
    read_finished_run,
    statistics_of,
    unpublished_inputs,
    write_contents,
)
from distilabel_selfinstruct.hub.licences import check_licence
from distilabel_selfinstruct.report.card import CardFacts, pushed_configs, render_card, split_card
from distilabel_selfinstruct.report.wording import number_of
from distilabel_selfinstruct.review.agreement import read_agreements
from distilabel_selfinstruct.review.quality import read_quality
from distilabel_selfinstruct.secrets import mask_text


def push_run(
    folder: str | PathLike[str],
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    script: str | PathLike[str] | None = None,
    license: str | None = None,
    language: Sequence[str] | None = None,
    allow_incomplete: bool = False,
) -> str:
    """Publishes a run: all configs, the report, the pipeline and its config, and a card, in one commit.

    Pushing again updates what an earlier push wrote, and makes no commit where nothing has changed. What others have
    put into the repository stays, in its card too.

    Args:
        folder: the run.
        repo_id: `namespace/name`; the repository is made if it does not exist.
        private: whether it must be private; an existing one keeps its visibility, and must be private already.
        token: of the Hub; None: the one that huggingface_hub finds (HF_TOKEN, or `hf auth login`).
        script: the pipeline script, published too.
        license: of the dataset, as the Hub writes it, such as `apache-2.0`; None: the card's, or `unknown`.
        language: codes such as `en`; None: those that are found in the instructions.
        allow_incomplete: whether to publish a run that ended early or with failed requests; its card says so.

    Returns:
        The address of the dataset.

    Raises:
        HubError: if it cannot be published. The Hub then shows what it showed before, or all of it where only the
            Hub's answer was lost.
        RunFolderError: if the folder is no run's, has not ended, is damaged, or in use.
        ConfigError: if the licence or the script cannot be used.
    """
    token = hide(token)
    source = None if script is None else Path(script)
    _check_options(source, license)
    run = read_finished_run(folder, allow_incomplete)
    checked = check_push(repo_id, token)
    api = connect(checked)
    with tempfile.TemporaryDirectory(prefix="self-instruct-") as draft:
        files = write_contents(run, Path(draft), source)
        facts = _card_facts(run, repo_id, files, source, license, language)
        ask(f"open {repo_id}", lambda: open_repository(api, repo_id, private), checked)
        ask(f"publish {repo_id}", lambda: _commit(api, facts, files), checked)
    return f"{api.endpoint}/datasets/{repo_id}"


def _check_options(script: Path | None, license: str | None) -> None:
    if script is not None and not script.is_file():
        raise ConfigError(f"{script}: there is no such pipeline script.")
    check_licence(license)


def _card_facts(
    run: FinishedRun,
    repo_id: str,
    files: Iterable[str],
    script: Path | None,
    license: str | None,
    language: Sequence[str] | None,
) -> CardFacts:
    return CardFacts(
        repo_id=repo_id,
        statistics=statistics_of(run),
        datasets=run.datasets,
        settings=publishable(run.settings),
        recipe=run.recipe,
        figures=[Path(path).stem for path in files if path.startswith(FIGURES) and path.endswith(".png")],
        wanted=run.summary.wanted or run.summary.admitted,
        ended=run.summary.ended,
        failed=run.summary.failed,
        published=list(files),
        script=script.name if script is not None else None,
        license=[license] if license else [],
        language=language or [],
        quality=read_quality(run.folder),
        agreements=read_agreements(run.folder),
        findings=read_findings(run.folder),
        unpublished=unpublished_inputs(run),
    )


def open_repository(api: HfApi, repo_id: str, private: bool) -> None:
    """Makes the repository where there is none.

    Raises:
        HubError: if it is public, and was to be private.
    """
    if not api.repo_exists(repo_id, repo_type="dataset"):
        # None, not False: an organisation may have made private the rule.
        api.create_repo(repo_id, repo_type="dataset", private=private or None, exist_ok=True)
    if private and not api.dataset_info(repo_id).private:
        raise HubError(
            f"{repo_id} is public, and was to be private. Make it private in its settings, or choose another name."
            " Nothing was uploaded."
        )


def _commit(api: HfApi, facts: CardFacts, files: Mapping[str, Path]) -> None:
    """One commit on top of what is there now; it fails if somebody else commits meanwhile."""
    head = api.dataset_info(facts.repo_id)
    present = {sibling.rfilename for sibling in head.siblings or []}
    existing = read_card(api, facts.repo_id, head.sha) if CARD in present else None
    card = mask_text(render_card(facts, existing))
    stale = stale_files(present - files.keys(), facts.datasets, pushed_configs(split_card(existing or "")[0]))
    overview = facts.statistics.overview
    api.create_commit(
        facts.repo_id,
        [
            *(CommitOperationAdd(path, local) for path, local in files.items()),
            CommitOperationAdd(CARD, card.encode()),
            *(CommitOperationDelete(path, is_folder=False) for path in sorted(stale)),
        ],
        commit_message=f"{facts.recipe.title}: {number_of(overview.instructions, 'instruction')},"
        f" {number_of(overview.instances, 'instance')}",
        repo_type="dataset",
        parent_commit=head.sha,
    )


def read_card(api: HfApi, repo_id: str, revision: str | None) -> str:
    """The card that is there."""
    path = api.hf_hub_download(repo_id, CARD, repo_type="dataset", revision=revision)
    return Path(path).read_text(encoding="utf-8")


def stale_files(present: Iterable[str], configs: Iterable[str], pushed: Sequence[str]) -> list[str]:
    """Those of these files that earlier pushes left behind: data of our configs, and figures if there was a push."""
    data = data_file(*configs, *pushed)
    return [path for path in present if data.fullmatch(path) or (pushed and path.startswith(FIGURES))]
