"""A trained model becomes a model on the Hub, in one commit."""

from __future__ import annotations

from os import PathLike

from huggingface_hub import CommitOperationAdd, HfApi

from distilabel_selfinstruct.hub.access import check_push
from distilabel_selfinstruct.hub.client import HubError, ask, connect, hide
from distilabel_selfinstruct.training.folder import TrainingFolder


def push_model(folder: str | PathLike[str], repo_id: str, *, private: bool = False, token: str | None = None) -> str:
    """Publishes the model of a training with its card, in one commit.

    Args:
        folder: of the training.
        repo_id: `namespace/name`; the repository is made if it does not exist.
        private: whether it must be private; an existing one keeps its visibility, and must be private already.
        token: of the Hub; None: the one that huggingface_hub finds (HF_TOKEN, or `hf auth login`).

    Returns:
        The address of the model.

    Raises:
        HubError: if it cannot be published.
        RunFolderError: if the training has not ended, or its folder is in use.
    """
    token = hide(token)
    training = TrainingFolder(folder)
    summary = training.summary()
    checked = check_push(repo_id, token)
    api = connect(checked)
    with training.locked():
        files = {path.relative_to(training.model).as_posix(): path for path in sorted(training.model.rglob("*"))}
        ask(f"open {repo_id}", lambda: _open(api, repo_id, private), checked)
        ask(
            f"publish {repo_id}",
            lambda: api.create_commit(
                repo_id,
                [CommitOperationAdd(name, path) for name, path in files.items() if path.is_file()],
                commit_message=f"Trained on {summary.rows:,} rows in {summary.steps:,} steps",
                repo_type="model",
            ),
            checked,
        )
    return f"{api.endpoint}/{repo_id}"


def _open(api: HfApi, repo_id: str, private: bool) -> None:
    if not api.repo_exists(repo_id, repo_type="model"):
        # None, not False: an organisation may have made private the rule.
        api.create_repo(repo_id, repo_type="model", private=private or None, exist_ok=True)
    if private and not api.model_info(repo_id).private:
        raise HubError(
            f"{repo_id} is public, and was to be private. Make it private in its settings, or choose another name."
            " Nothing was uploaded."
        )
