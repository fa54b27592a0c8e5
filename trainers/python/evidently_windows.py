"""Says what Evidently says of the windows that `shield drift report --json` prints.

    shield drift report --json | python evidently_windows.py [FILE]

Reads the windows from stdin or the file that is named, and prints, as JSON, for each measure that has a reference:
Evidently's `psi` and `jensenshannon` of its bins, and its `wasserstein` and `ks` of its values.

What a window holds are counts in fixed bins. They go to Evidently as rows: the number of the bin as a category, since
Evidently would cut more than 20 numbers into bins of its own, and the place of the bin as a number. Its `ks` is the
probability of the statistic, not the statistic.
"""

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

METHODS = {"psi": "bin", "jensenshannon": "bin", "wasserstein": "place", "ks": "place"}


def rows_of(places: list[float], counts: list[int]) -> pd.DataFrame:
    bins = np.repeat(np.arange(len(counts)), counts)
    return pd.DataFrame({"bin": bins.astype(str), "place": np.asarray(places, dtype=float)[bins]})


def compared(measure: dict[str, Any]) -> dict[str, Any]:
    definition = DataDefinition(categorical_columns=["bin"], numerical_columns=["place"])
    reference, current = (
        Dataset.from_pandas(rows_of(measure["places"], measure[side]), data_definition=definition)
        for side in ("referenceCounts", "counts")
    )
    report = Report([ValueDrift(column=column, method=method) for method, column in METHODS.items()])
    metrics = report.run(current, reference).dict()["metrics"]
    return {"measure": measure["measure"], **{method: float(m["value"]) for method, m in zip(METHODS, metrics)}}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin as given:
        windows = json.load(given)
    answers = [
        {
            "windowId": window["windowId"],
            "measures": [compared(measure) for measure in window["measures"] if measure["referenceCounts"]],
        }
        for window in windows
    ]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
