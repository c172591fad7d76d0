"""SelfInstructToArgilla: rows of any pipeline to a review dataset in Argilla."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import os
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr, SecretStr

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.review.argilla import ArgillaServer
from distilabel_selfinstruct.review.records import record_of

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


class SelfInstructToArgilla(Step):
    """Sends instances to an Argilla dataset with the three quality questions of the Self-Instruct paper.

    The dataset is made where there is none: instruction, input and output as text, a label question for each question
    of the paper, a text question to correct each text (the present one is suggested), metadata to filter by, and
    guidelines. Text is shown exactly as it is, tags and line breaks included. Every record has an id of its own, made
    of `instance_id` and the texts: running the pipeline again adds nothing twice, and completes what was cut. Rows with
    a `reject_reason` are not sent. Rows are passed on as they are.

    The answers of a run of this package come back with `self-instruct review pull`, those of other
    pipelines with Argilla's own SDK.

    Attributes:
        dataset_name: the name of the dataset in Argilla.
        dataset_workspace: the workspace of the dataset; by default the only one there is.
        api_url: the address of the server; by default from the environment variable `ARGILLA_API_URL`.
        api_key: the key of an owner or admin; by default from the environment variable `ARGILLA_API_KEY`.
        annotators: how many answers a record needs.
        preset: what the metadata says of the preset that the rows were made with.

    Runtime parameters:
        - `dataset_name`: the name of the dataset in Argilla.
        - `dataset_workspace`: the workspace of the dataset; by default the only one there is.
        - `api_url`: the address of the server.
        - `api_key`: the key of an owner or admin.
        - `annotators`: how many answers a record needs.

    Input columns:
        - instruction (`str`): the instruction.
        - input (`str`): the input, which may be empty.
        - output (`str`): the output.
        - instance_id (`str`, optional): names the instance.
        - document (`str`, optional): what the instruction is about; shown, not judged.
        - title (`str`, optional): the title of the document.
        - is_classification (`bool`, optional): whether it is a classification task, for the metadata.
        - round (`int`, optional): the bootstrap round, for the metadata.
        - max_similarity (`float`, optional): the highest ROUGE-L with a pool item, for the metadata.
        - model_name (`str`, optional): the model, for the metadata.
        - reject_reason (`str`, optional): rows that have one are not sent.

    Categories:
        - save

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)
        - [Argilla](https://docs.argilla.io)

    Examples:
        Send the rows of a pipeline to be reviewed:

        ```python
        from distilabel.steps import LoadDataFromDicts

        from distilabel_selfinstruct import Pipeline, SelfInstructToArgilla

        with Pipeline("review") as pipeline:
            load = LoadDataFromDicts(
                data=[{"instruction": "Name the capital of France.", "input": "", "output": "Paris"}]
            )
            to_argilla = SelfInstructToArgilla(
                dataset_name="capitals", api_url="http://127.0.0.1:6900", api_key="argilla.apikey", annotators=2
            )
            load >> to_argilla
        ```
    """

    dataset_name: RuntimeParameter[str] = Field(default="self-instruct", description="The name of the dataset.")
    dataset_workspace: RuntimeParameter[str] | None = Field(
        default=None, description="The workspace of the dataset; by default the only one there is."
    )
    api_url: RuntimeParameter[str] | None = Field(
        default_factory=lambda: os.environ.get("ARGILLA_API_URL"), description="The address of the server."
    )
    api_key: RuntimeParameter[SecretStr] | None = Field(default=None, description="The key of an owner or admin.")
    annotators: RuntimeParameter[int] = Field(default=1, gt=0, description="How many answers a record needs.")
    preset: str | None = None

    _server: Any = PrivateAttr(None)
    _dataset: Any = PrivateAttr(None)

    @property
    def inputs(self) -> "StepColumns":
        required = dict.fromkeys(("instruction", "input", "output"), True)
        known = (
            "instance_id",
            "document",
            "title",
            "is_classification",
            "round",
            "max_similarity",
            "model_name",
            "reject_reason",
        )
        return {**required, **dict.fromkeys(known, False)}

    @property
    def outputs(self) -> "StepColumns":
        return []

    def load(self) -> None:
        """Connects, and makes the dataset where there is none.

        Raises:
            ConfigError: if no address is given.
            ReviewError: if the server, the key, the workspace or a dataset of that name cannot be used.
            MissingExtraError: if the extra `argilla` is not installed.
        """
        super().load()
        if not self.api_url:
            raise ConfigError(f"{self.name}: needs api_url, or ARGILLA_API_URL in the environment.")
        self._server = ArgillaServer(self.api_url, self.api_key.get_secret_value() if self.api_key else None)
        workspace = self._server.workspace(self.dataset_workspace)
        self._dataset = self._server.open(workspace, self.dataset_name, self.annotators)

    def unload(self) -> None:
        """Ends the connection."""
        if self._server is not None:
            self._server.close()
        super().unload()

    def process(self, inputs: StepInput) -> "StepOutput":
        """Sends the rows that were not rejected.

        Yields:
            All rows, as they came.
        """
        accepted = [record_of(row, self.preset) for row in inputs if row.get("reject_reason") is None]
        self._server.send(self._dataset, accepted)
        yield inputs
