"""Push to and pull from an Argilla server (2.x, the SDK of the extra `argilla`)."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from distilabel_selfinstruct.errors import MissingExtraError, ReviewError
from distilabel_selfinstruct.review.records import FIELDS, QUESTIONS, Answer, ReviewRecord, corrections_of
from distilabel_selfinstruct.review.settings import argilla_record, correction_of, review_settings
from distilabel_selfinstruct.secrets import clean_key, remember

if TYPE_CHECKING:
    import argilla as rg

_PAGE = 500  # records a request; the server takes no more
PRIVATE = {"argilla": ("_exceptions",)}  # the errors that its client raises have no public home


class Pulled(NamedTuple):
    """What annotators have submitted, and what they took back: record and annotator."""

    answers: list[Any]
    withdrawn: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Form:
    """What annotators are asked, and how it comes to a server and back.

    Attributes:
        settings: of a dataset, by how many answers a record needs.
        record: what is sent of a record.
        answer: what is made of a record and a response to it.
    """

    settings: Callable[[int], rg.Settings]
    record: Callable[[Any], rg.Record]
    answer: Callable[[Any, dict[str, Any]], Any]


class ArgillaServer:
    """A connection to a server.

    Args:
        url: of the server, or of a Space: `https://OWNER-NAME.hf.space`. HF_TOKEN opens a private Space.
        api_key: of an owner or admin; by default ARGILLA_API_KEY.
        form: what annotators are asked; by default the questions of a review.

    Raises:
        ReviewError: if nobody answers there, or the key is refused.
        MissingExtraError: if the extra `argilla` is not installed.
    """

    def __init__(self, url: str, api_key: str | None = None, form: Form | None = None) -> None:
        self._form = form or Form(review_settings, argilla_record, _answer)
        try:
            import argilla as rg
            import httpx
        except ImportError:
            raise MissingExtraError.of("Review in Argilla", "argilla") from None
        api_key = clean_key(api_key or os.environ.get("ARGILLA_API_KEY") or "", "The key of Argilla (ARGILLA_API_KEY)")
        remember(api_key)
        if not api_key:
            raise ReviewError(f"{url}: set ARGILLA_API_KEY to your key, shown in Argilla under My settings.")
        self.url = url.rstrip("/")
        headers = _space_headers(self.url)
        with self._explained():
            # The client itself would go on trying for long, and leave its connection open where it is refused.
            me = httpx.get(f"{self.url}/api/v1/me", headers={**headers, "X-Argilla-Api-Key": api_key}, timeout=60)
            me.raise_for_status().json()
            self._client = rg.Argilla(api_url=self.url, api_key=api_key, headers=headers)

    def __enter__(self) -> ArgillaServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._client.http_client.close()

    def workspace(self, name: str | None) -> rg.Workspace:
        """The workspace of this name; without a name the only one there is.

        Raises:
            ReviewError: if there is none, or more than one; names those there are.
        """
        with self._explained():
            workspaces = {workspace.name: workspace for workspace in self._client.workspaces}
        there = f"there are: {', '.join(sorted(workspaces))}" if workspaces else "there are none that this key may see"
        if name is None and len(workspaces) == 1:
            return next(iter(workspaces.values()))
        if name is None:
            raise ReviewError(f"{self.url}: say which --workspace to use; {there}.")
        if name not in workspaces:
            raise ReviewError(f"{self.url}: there is no workspace {name!r}; {there}.")
        return workspaces[name]

    def open(self, workspace: rg.Workspace, name: str, annotators: int) -> rg.Dataset:
        """The review dataset of this name, made where there is none.

        One that an interrupted push left unpublished, without a record yet, is made anew.

        Raises:
            ReviewError: if a dataset of this name asks something else.
        """
        import argilla as rg

        with self._explained():
            dataset = self._client.datasets(name=name, workspace=workspace)
            if dataset is not None:
                dataset.get()
                if not self._is_unfinished(dataset):
                    self._check_settings(dataset, annotators)
                    return dataset
                dataset.delete()
            settings = self._form.settings(annotators)
            return rg.Dataset(name=name, workspace=workspace, settings=settings, client=self._client).create()

    def find(self, workspace: rg.Workspace, name: str) -> rg.Dataset:
        """The dataset of this name.

        Raises:
            ReviewError: if there is none.
        """
        with self._explained():
            dataset = self._client.datasets(name=name, workspace=workspace)
        if dataset is None:
            raise ReviewError(
                f"{self.url}: there is no dataset {name!r} in the workspace {workspace.name!r} (any more). What"
                " was pulled before is kept; `review push` makes it anew."
            )
        return dataset

    def send(self, dataset: rg.Dataset, records: Sequence[Any]) -> None:
        """Adds the records; those that are there are brought up to date, with their responses untouched."""
        for start in range(0, len(records), _PAGE):
            page = [self._form.record(record) for record in records[start : start + _PAGE]]
            for record in page:
                record.dataset = dataset
            with self._explained():
                self._client.api.records.bulk_upsert(dataset.id, [record.api_model() for record in page])

    def record_ids(self, dataset: rg.Dataset) -> set[str]:
        """The ids of all records of a dataset."""
        return {row["external_id"] for row in self._rows(dataset)}

    def pull(self, dataset: rg.Dataset, records: Mapping[str, Any]) -> Pulled:
        """All answers to these records; drafts and discarded ones are taken for answers that were taken back."""
        answers: list[Any] = []
        withdrawn: list[tuple[str, str]] = []
        for row in self._rows(dataset, "responses"):
            record = records.get(row["external_id"])
            if record is None:
                continue
            for response in row["responses"]:
                if response["status"] == "submitted":
                    answers.append(self._form.answer(record, response))
                else:
                    withdrawn.append((record.id, response["user_id"]))
        return Pulled(answers, withdrawn)

    def _rows(self, dataset: rg.Dataset, *include: str) -> Iterator[dict[str, Any]]:
        """The records as the server has them; the SDK would leave out when a response was given."""
        address = f"/api/v1/datasets/{dataset.id}/records"
        offset = 0
        while True:
            with self._explained():
                page = self._client.http_client.get(
                    address, params={"offset": offset, "limit": _PAGE, "include": list(include)}
                ).raise_for_status()
                rows = page.json()["items"]
            yield from rows
            offset += len(rows)
            if len(rows) < _PAGE:
                return

    def _check_settings(self, dataset: rg.Dataset, annotators: int) -> None:
        wanted, found = _outline(self._form.settings(annotators)), _outline(dataset.settings)
        if wanted != found:
            different = [
                f"{what} {', '.join(sorted(map(str, found[what]))) or 'none'}"
                for what in wanted
                if wanted[what] != found[what]
            ]
            raise ReviewError(
                f"{self.url}: the dataset {dataset.name!r} asks something else: it has {'; '.join(different)}. Nothing"
                " was changed; choose another --name."
            )
        needed = dataset.settings.distribution.min_submitted
        if needed != annotators:
            raise ReviewError(
                f"{self.url}: a record of the dataset {dataset.name!r} needs {needed} annotators, and {annotators} were"
                f" asked for. Nothing was changed; use --annotators {needed}, or choose another --name."
            )

    def _is_unfinished(self, dataset: rg.Dataset) -> bool:
        """Whether it is the beginning of a dataset of this form, not published yet; a stranger's draft is none."""
        wanted, found = _outline(self._form.settings(1)), _outline(dataset.settings)
        return dataset.api_model().status != "ready" and all(found[what] <= wanted[what] for what in wanted)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the errors of the client into one that says what to do."""
        import httpx
        from argilla._exceptions import ArgillaError

        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Dataset with name")  # that there is none is no surprise
                yield
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ReviewError(
                f"{self.url}: cannot be reached ({error}). Is the server, or the Space, running? Nothing is lost: run"
                " the same command again."
            ) from None
        except (ArgillaError, httpx.HTTPError, ValueError) as error:
            said = str(error).strip().split("\n")[0][:200]
            advice = _ADVICE.get(_status(error), f"{said}. Nothing is lost: run the same command again.")
            raise ReviewError(f"{self.url}: {advice}") from None


_ADVICE = {
    401: "refuses the key; set ARGILLA_API_KEY to your key, shown in Argilla under My settings.",
    403: "this key may not do that; use that of an owner or admin.",
    404: "does not answer as an Argilla server does. Give the address of the server itself; a private Space needs"
    " HF_TOKEN.",
}


def _status(error: Exception) -> int:
    """The HTTP status behind an error; 404 for an answer that is not even JSON."""
    import httpx
    from argilla._exceptions import ForbiddenError, NotFoundError, UnauthorizedError

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code
    statuses = {UnauthorizedError: 401, ForbiddenError: 403, NotFoundError: 404, json.JSONDecodeError: 404}
    return statuses.get(type(error), 500)


def _answer(record: ReviewRecord, response: dict[str, Any]) -> Answer:
    values = {name: value["value"] for name, value in response["values"].items()}
    return Answer(
        record_id=record.id,
        annotator=response["user_id"],
        verdicts={question.name: values[question.name] == "yes" for question in QUESTIONS},
        corrections=corrections_of(record, {name: values.get(correction_of(name)) for name in FIELDS}),
        at=response["updated_at"],
    )


def _outline(settings: rg.Settings) -> dict[str, set[Any]]:
    """What makes two settings ask the same; titles and guidelines may be put in other words."""
    return {
        "fields": {field.name for field in settings.fields},
        "questions": {
            (question.name, *sorted(getattr(question, "labels", None) or ())) for question in settings.questions
        },
        "metadata": {metadata.name for metadata in settings.metadata},
    }


def _space_headers(url: str) -> dict[str, str]:
    token = clean_key(os.environ.get("HF_TOKEN") or "", "HF_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token and url.endswith(".hf.space") else {}
