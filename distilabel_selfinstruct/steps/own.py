"""ApplyFilters: filters of the user, each with a reason code of its own."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from typing import TYPE_CHECKING

from distilabel.steps.base import Step, StepInput
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.filters import Filter, load_filters
from distilabel_selfinstruct.data.reasons import FILTERS_STAGE
from distilabel_selfinstruct.data.rows import Row, reject

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


class ApplyFilters(Step):
    """Rejects each row that a filter does not keep.

    A filter is a function of a row. It gives a truth value, or that and a text that says more. Its name is the reason
    code of what it rejects; of several filters the first that does counts. A filter that raises an error rejects the
    row as `filter_error`, with the error. Rows that have a `reject_reason` are passed on untouched, and no row is
    dropped.

    Attributes:
        filters: the names of the functions: `module:function`, `path/to/file.py:function`, what an installed package
            calls one by an entry point of the group `distilabel_selfinstruct.filters`, or one that is ready: `json`,
            `code:LANGUAGE`, `maths:FILE`, `examples`, `language:CODE`, `pii`, `tokens:TOKENIZER:MOST`, each of another
            column than the output with `@COLUMN` behind it.

    Input columns:
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the filter says.

    Categories:
        - filtering

    Examples:
        Keep outputs that are JSON, with a function that the file `mine.py` has:

        ```python
        from distilabel_selfinstruct import ApplyFilters

        # mine.py:
        # def is_json(row):
        #     "not JSON"
        #     try:
        #         return bool(json.loads(row["output"]))
        #     except ValueError as error:
        #         return False, str(error)
        own = ApplyFilters(filters=["mine.py:is_json", "language:en@instruction"])
        ```
    """

    filters: list[str] = Field(default_factory=list)

    _loaded: list[Filter] = PrivateAttr(default_factory=list)

    @property
    def inputs(self) -> "StepColumns":
        return []

    @property
    def outputs(self) -> "StepColumns":
        return ["stage", "reject_reason", "detail"]

    def load(self) -> None:
        """Imports the filters.

        Raises:
            ConfigError: if one cannot be had.
        """
        super().load()
        self._loaded = load_filters(self.filters)

    def process(self, inputs: StepInput) -> "StepOutput":
        """Marks the rows.

        Yields:
            The rows, in their order.
        """
        rows: list[Row] = [dict.fromkeys(self.outputs) | row for row in inputs]
        for row in rows:
            if row["reject_reason"] is None:
                faults = (fault for each in self._loaded if (fault := each.fault(row)) is not None)
                if (fault := next(faults, None)) is not None:
                    reject(row, FILTERS_STAGE, *fault)
        yield rows
