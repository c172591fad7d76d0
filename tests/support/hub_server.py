"""A Hugging Face Hub for tests, in memory: the real `huggingface_hub` and `datasets` clients talk to it.

    with HubServer() as hub:
        hub.add_fault(Fault("POST", "/commit/", status=503))
        HfApi(endpoint=hub.url, token="hf_writer").create_repo("ada/tasks", repo_type="dataset")
        hub.repositories["ada/tasks"].files  # {path: bytes}

A client in another process needs HF_ENDPOINT=<url> and HF_HUB_DISABLE_XET=1. Repositories are those of datasets; the
files of each can be read as those of a model, too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.waiting import LIMIT, wait_until

Files = dict[str, bytes]
_LFS_SUFFIXES = (".parquet", ".png")
_DATE = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Account:
    """Who a token belongs to and what it may do."""

    role: str = "write"
    name: str = "ada"
    organisations: Mapping[str, str] = field(default_factory=lambda: {"lab": "write", "museum": "read"})
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of a fine-grained token

    def may_write_to(self, namespace: str) -> bool:
        if self.role == "fineGrained":
            return any(name.split("/")[0] == namespace and "repo.write" in can for name, can in self.scopes.items())
        return self.role == "write" and (namespace == self.name or self.organisations.get(namespace) == "write")


ACCOUNTS = {
    "hf_writer": Account(),
    "hf_reader": Account(role="read"),
    "hf_finegrained": Account(role="fineGrained", scopes={"lab": ("repo.content.read", "repo.write")}),
    "hf_otherwriter": Account(name="grace", organisations={}),
}


@dataclass
class Fault:
    """What goes wrong with the requests that match.

    Attributes:
        method: of the request.
        path: part of its path.
        status: the answer instead of the real one; None leaves the real one.
        times: how many requests it happens to.
        retry_after: seconds the answer asks to wait.
        cut: whether the connection is closed in the middle of the answer.
        acts: whether the server does what was asked before it answers wrongly.
        before: called before the request is looked at.
    """

    method: str
    path: str
    status: int | None = None
    times: float = 1
    retry_after: int | None = None
    cut: bool = False
    acts: bool = False
    before: Callable[[], object] | None = None


@dataclass(frozen=True)
class Commit:
    """One state of a repository."""

    sha: str
    title: str
    files: Files


class Repository:
    """A dataset repository with one branch."""

    def __init__(self, name: str, private: bool = False) -> None:
        self.name, self.private = name, private
        self.commits: list[Commit] = []
        self.commit({".gitattributes": b"*.parquet filter=lfs\n"}, "initial commit")

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    @property
    def files(self) -> Files:
        """What is visible now."""
        return self.head.files

    def commit(self, changes: Mapping[str, bytes | None], title: str = "by someone else") -> Commit:
        """Writes files, or deletes those given as None."""
        files = {**(self.commits[-1].files if self.commits else {}), **changes}
        sha = hashlib.sha1(f"{self.name} {len(self.commits)} {title}".encode()).hexdigest()
        self.commits.append(Commit(sha, title, {path: text for path, text in files.items() if text is not None}))
        return self.head

    def at(self, revision: str) -> Commit | None:
        if revision in ("main", "HEAD"):
            return self.head
        return next((commit for commit in self.commits if commit.sha == revision), None)


class HubServer:
    """The server, in a thread.

    Attributes:
        repositories: by `namespace/name`; a test may read and change them.
        requests: (method, path, status) in the order of the answers; 0 for a connection that was cut.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.faults: list[Fault] = []
        self.large_files: dict[str, bytes] = {}
        config = uvicorn.Config(
            _FaultyApp(self, _Routes(self).app()), host="127.0.0.1", port=0, log_level="critical", ws="none",
            lifespan="off", timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="hub-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def add_repository(self, name: str, files: Mapping[str, bytes] | None = None, private: bool = False) -> Repository:
        repository = self.repositories[name] = Repository(name, private)
        if files:
            repository.commit(files)
        return repository

    def add_fault(self, fault: Fault) -> None:
        self.faults.append(fault)

    def count(self, method: str, path: str) -> int:
        """How many such requests there were."""
        return sum(asked == method and path in where for asked, where, _ in self.requests)

    def reset(self) -> None:
        for state in (self.repositories, self.requests, self.faults, self.large_files):
            state.clear()

    def __enter__(self) -> HubServer:
        self._thread.start()
        wait_until(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=LIMIT)


class _FaultyApp:
    """Logs requests, and lets them go wrong."""

    def __init__(self, hub: HubServer, app: ASGIApp) -> None:
        self._hub, self._app = hub, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        fault = self._fault_of(method, path)

        async def log_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._hub.requests.append((method, path, message["status"]))
            await send(message)

        if fault is not None and fault.before is not None:
            fault.before()
        if fault is None or (fault.status is None and not fault.cut):
            return await self._app(scope, receive, log_and_send)
        if fault.acts:
            await self._app(scope, receive, _swallow)
        if fault.cut:
            self._hub.requests.append((method, path, 0))
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            return None  # uvicorn closes a connection whose answer is left unfinished
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
        answer = JSONResponse({"error": "injected fault"}, fault.status or 500, headers)
        return await answer(scope, receive, log_and_send)

    def _fault_of(self, method: str, path: str) -> Fault | None:
        for fault in self._hub.faults:
            if fault.times > 0 and fault.method == method and fault.path in path:
                fault.times -= 1
                return fault
        return None


async def _swallow(message: Message) -> None:
    pass


class _Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, _Refusal)
    headers = {"X-Error-Code": error.code, "X-Error-Message": error.message}
    return JSONResponse({"error": error.message}, error.status, headers)


class _Routes:
    """The part of the Hub's HTTP interface that pushing and loading datasets and models uses."""

    def __init__(self, hub: HubServer) -> None:
        self._hub = hub

    def app(self) -> ASGIApp:
        handlers: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("GET", "/api/whoami-v2", self.whoami),
            ("POST", "/api/repos/create", self.create),
            ("POST", "/api/validate-yaml", self.validate_yaml),
            ("PUT", "/lfs/{oid}", self.lfs_put),
            *self._of_repositories("/api/datasets/{namespace}/{name}", "/datasets/{namespace}/{name}"),
            *self._of_repositories("/api/models/{namespace}/{name}", "/{namespace}/{name}"),
        ]
        routes = [Route(path, handler, methods=[method]) for method, path, handler in handlers]
        return Starlette(routes=routes, exception_handlers={_Refusal: _refuse})

    def _of_repositories(self, api: str, git: str) -> list[tuple[str, str, Callable[[Request], Awaitable[Response]]]]:
        return [
            ("GET", api, self.info),
            ("GET", api + "/revision/{revision}", self.info),
            ("GET", api + "/tree/{revision}", self.tree),
            ("GET", api + "/tree/{revision}/{path:path}", self.tree),
            ("POST", api + "/paths-info/{revision}", self.paths_info),
            ("POST", api + "/preupload/{revision}", self.preupload),
            ("POST", api + "/commit/{revision}", self.commit),
            ("POST", git + ".git/info/lfs/objects/batch", self.lfs_batch),
            ("GET", git + "/resolve/{revision}/{path:path}", self.resolve),
        ]

    # --- who asks, and for what -----------------------------------------------------------------------------------

    def _account(self, request: Request) -> Account | None:
        header = request.headers.get("authorization")
        if header is None:
            return None
        account = ACCOUNTS.get(header.removeprefix("Bearer "))
        if account is None:
            raise _Refusal(401, "", "Invalid credentials in Authorization header")
        return account

    def _writer(self, request: Request, namespace: str) -> None:
        account = self._account(request)
        if account is None:
            raise _Refusal(401, "", "Invalid username or password.")
        if not account.may_write_to(namespace):
            raise _Refusal(403, "", f'You don\'t have the rights to write under the namespace "{namespace}"')

    def _repository(self, request: Request, write: bool = False) -> Repository:
        namespace = request.path_params["namespace"]
        account = self._account(request)
        repository = self._hub.repositories.get(f"{namespace}/{request.path_params['name']}")
        if repository is None or (repository.private and account is None):
            raise _Refusal(404 if account else 401, "RepoNotFound", "Repository not found")
        if write:
            self._writer(request, namespace)
        return repository

    def _commit_of(self, request: Request) -> tuple[Repository, Commit]:
        repository = self._repository(request)
        commit = repository.at(unquote(request.path_params.get("revision", "main")))
        if commit is None:
            raise _Refusal(404, "RevisionNotFound", "Invalid rev id")
        return repository, commit

    # --- accounts and repositories --------------------------------------------------------------------------------

    async def whoami(self, request: Request) -> Response:
        account = self._account(request)
        if account is None:
            raise _Refusal(401, "", "Invalid username or password.")
        token: dict[str, Any] = {"displayName": "test", "role": account.role}
        if account.role == "fineGrained":
            scoped = [
                {"entity": {"type": "dataset" if "/" in name else "org", "name": name}, "permissions": list(can)}
                for name, can in account.scopes.items()
            ]
            token["fineGrained"] = {"global": [], "scoped": scoped}
        organisations = [{"name": name, "roleInOrg": role} for name, role in account.organisations.items()]
        return JSONResponse(
            {"type": "user", "name": account.name, "orgs": organisations,
             "auth": {"type": "access_token", "accessToken": token}}
        )  # fmt: skip

    async def create(self, request: Request) -> Response:
        body = await request.json()
        account = self._account(request)
        name = f"{body.get('organization') or (account.name if account else '')}/{body['name']}"
        self._writer(request, name.split("/")[0])
        url = f"{self._hub.url}/{'datasets/' if body.get('type') == 'dataset' else ''}{name}"
        if name in self._hub.repositories:
            return JSONResponse({"error": "You already created this dataset repo", "url": url}, 409)
        private = body.get("visibility") == "private" or bool(body.get("private"))
        self._hub.add_repository(name, private=private)
        return JSONResponse({"url": url, "name": name})

    async def validate_yaml(self, request: Request) -> Response:
        content = (await request.json())["content"]
        try:
            metadata = yaml.safe_load(content.split("---\n")[1])
            errors = [] if isinstance(metadata, dict) else ["expected an object"]
        except (IndexError, yaml.YAMLError) as error:
            errors = [str(error)]
        answer = {"errors": [{"message": error} for error in errors], "warnings": []}
        return JSONResponse(answer, 400 if errors else 200)

    async def info(self, request: Request) -> Response:
        repository, commit = self._commit_of(request)
        return JSONResponse(
            {"_id": "1", "id": repository.name, "author": repository.name.split("/")[0], "sha": commit.sha,
             "lastModified": _DATE, "createdAt": _DATE, "private": repository.private, "gated": False,
             "disabled": False, "downloads": 0, "likes": 0, "tags": [], "cardData": None,
             "siblings": [{"rfilename": path} for path in commit.files]}
        )  # fmt: skip

    # --- reading --------------------------------------------------------------------------------------------------

    async def tree(self, request: Request) -> Response:
        _, commit = self._commit_of(request)
        folder = request.path_params.get("path", "").strip("/")
        below = [path for path in commit.files if not folder or path.startswith(folder + "/")]
        if folder and not below:
            raise _Refusal(404, "EntryNotFound", f"{folder} does not exist")
        if request.query_params.get("recursive", "").lower() not in ("true", "1"):
            depth = folder.count("/") + 2 if folder else 1
            folders = {"/".join(path.split("/")[:depth]) for path in below if path.count("/") >= depth}
            below = [path for path in below if path.count("/") < depth]
        else:
            folders = {"/".join(path.split("/")[:at]) for path in below for at in range(1, path.count("/") + 1)}
        return JSONResponse([*map(_folder_entry, sorted(folders)), *(_entry(path, commit) for path in below)])

    async def paths_info(self, request: Request) -> Response:
        _, commit = self._commit_of(request)
        is_form = "form" in request.headers.get("content-type", "")
        paths = (await request.form()).getlist("paths") if is_form else (await request.json())["paths"]
        entries = []
        for path in [paths] if isinstance(paths, str) else paths:
            if path in commit.files:
                entries.append(_entry(path, commit))
            elif any(each.startswith(f"{path}/") for each in commit.files):
                entries.append(_folder_entry(str(path)))
        return JSONResponse(entries)

    async def resolve(self, request: Request) -> Response:
        _, commit = self._commit_of(request)
        path = request.path_params["path"]
        if path not in commit.files:
            raise _Refusal(404, "EntryNotFound", "Entry not found")
        entry = _entry(path, commit)
        headers = {"X-Repo-Commit": commit.sha, "ETag": f'"{entry.get("lfs", entry)["oid"]}"'}
        content, status = commit.files[path], 200
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", "")):  # as streaming asks
            first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            content, status = content[first : last + 1], 206
        return Response(content, status, headers, media_type="application/octet-stream")

    # --- writing --------------------------------------------------------------------------------------------------

    async def preupload(self, request: Request) -> Response:
        repository = self._repository(request, write=True)
        files = []
        for file in (await request.json())["files"]:
            path = file["path"]
            known = _entry(path, repository.head) if path in repository.files else {}
            mode = "lfs" if path.endswith(_LFS_SUFFIXES) else "regular"
            oid = known.get("lfs", known).get("oid")
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return JSONResponse({"files": files})

    async def lfs_batch(self, request: Request) -> Response:
        self._repository(request, write=True)
        objects = []
        for wanted in (await request.json())["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self._hub.large_files:
                answer["actions"] = {"upload": {"href": f"{self._hub.url}/lfs/{wanted['oid']}"}}
            objects.append(answer)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def lfs_put(self, request: Request) -> Response:
        content, oid = await request.body(), request.path_params["oid"]
        if hashlib.sha256(content).hexdigest() != oid:
            raise _Refusal(400, "", "the content is not what its name says")
        self._hub.large_files[oid] = content
        return Response()

    async def commit(self, request: Request) -> Response:
        repository = self._repository(request, write=True)
        header, *operations = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
        parent = header["value"].get("parentCommit")
        if parent not in (None, repository.head.sha):
            raise _Refusal(412, "", "A commit has happened since. Please refresh and try again.")
        changes: dict[str, bytes | None] = {}
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                if value["oid"] not in self._hub.large_files:
                    raise _Refusal(400, "", f"{value['path']} was not uploaded")
                changes[value["path"]] = self._hub.large_files[value["oid"]]
            elif operation["key"] == "deletedFile":
                if value["path"] not in repository.files:
                    raise _Refusal(404, "EntryNotFound", "A file with this name doesn't exist")
                changes[value["path"]] = None
        commit = repository.commit(changes, header["value"]["summary"])
        url = f"{self._hub.url}/datasets/{repository.name}/commit/{commit.sha}"
        return JSONResponse({"success": True, "commitOid": commit.sha, "commitUrl": url, "hookOutput": ""})


def _entry(path: str, commit: Commit) -> dict[str, Any]:
    """A file as the Hub lists it; git's object id, and for large files the hash of their content."""
    content = commit.files[path]
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
    entry["oid"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if path.endswith(_LFS_SUFFIXES):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def _folder_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}
