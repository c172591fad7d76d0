"""Whether a push can succeed, asked before there is anything to lose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from distilabel_selfinstruct.hub.client import HubError, Token, ask, connect, find_token, hide

_WRITING_ROLES = frozenset({"admin", "write", "contributor"})


def check_push(repo_id: str, token: str | None = None) -> Token:
    """Checks all that can be known before anything is made or uploaded.

    Args:
        repo_id: `namespace/name`.
        token: of the Hub; None: the one that huggingface_hub finds.

    Returns:
        The token.

    Raises:
        HubError: without a token; if the Hub refuses it, or it may only read; if its owner may not write to that
            namespace; if the name cannot be one of a repository.
    """
    token = hide(token)
    check_name(repo_id)
    found = find_token(token)
    account = ask(f"push to {repo_id}", connect(found).whoami, found)
    _check_account(account, repo_id)
    return found


def check_name(repo_id: str) -> None:
    """Raises HubError if this is no `namespace/name`."""
    namespace, slash, name = repo_id.partition("/")
    if not (namespace and slash and name):
        raise HubError(f"{repo_id!r}: expected NAMESPACE/NAME, such as your-name/self-instruct.")
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise HubError(f"{repo_id!r} cannot be the name of a dataset: {error}") from None


def _check_account(account: Mapping[str, Any], repo_id: str) -> None:
    token = (account.get("auth") or {}).get("accessToken") or {}
    if token.get("role") == "read":
        raise HubError("The token may only read. Make one with write access at https://huggingface.co/settings/tokens")
    namespace = repo_id.split("/")[0].casefold()
    own = str(account.get("name", ""))
    organisations = {str(each.get("name", "")): each for each in account.get("orgs") or []}
    writable = [own, *(name for name, each in organisations.items() if _may_write(each))]
    if namespace not in (name.casefold() for name in writable):
        raise HubError(
            f"{own} may not write to {namespace}/. Push to one of: {', '.join(f'{name}/' for name in writable)}"
        )
    if token.get("role") == "fineGrained" and not _has_scope(token.get("fineGrained") or {}, repo_id):
        raise HubError(
            f"The fine-grained token may not write to {repo_id}. Give it write access to the repositories of"
            f" {namespace} at https://huggingface.co/settings/tokens"
        )


def _may_write(organisation: Mapping[str, Any]) -> bool:
    groups = organisation.get("resourceGroups") or []
    roles = {organisation.get("roleInOrg"), *(group.get("role") for group in groups if isinstance(group, Mapping))}
    return bool(roles & _WRITING_ROLES) or roles == {None}


def _has_scope(grants: Mapping[str, Any], repo_id: str) -> bool:
    namespace = repo_id.split("/")[0]
    names = {namespace.casefold(), repo_id.casefold()}
    return any(
        str((scope.get("entity") or {}).get("name", "")).casefold() in names
        and any(str(permission).startswith("repo.write") for permission in scope.get("permissions") or [])
        for scope in grants.get("scoped") or []
    )
