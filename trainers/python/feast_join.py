"""Joins moments with the archived topics as Feast does: the newest row of each view at or before each moment.

    python feast_join.py TOPICS MOMENTS OUT

TOPICS is the folder that holds review-features/ and review-labels/ of the offline store, MOMENTS a JSON lines file of
{"userId", "reviewId", "atMs"}; OUT gets a JSON line for each of them, in their order: {"features", "label"}, null where
Feast knows nothing at that moment.
"""

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Array, Bool, Float64, Int32, String, UnixTimestamp

USER = Entity(name="user", join_keys=["userId"], value_type=ValueType.STRING)
REVIEW = Entity(name="review", join_keys=["reviewId"], value_type=ValueType.STRING)
KEYS = [Field(name="userId", dtype=String), Field(name="reviewId", dtype=String)]
NO_TTL = timedelta(0)


def view(name: str, folder: Path, timestamp: str, schema: list[Field]) -> FeatureView:
    source = FileSource(name=f"{name}_files", path=str(folder), timestamp_field=timestamp)
    return FeatureView(name=name, entities=[USER, REVIEW], ttl=NO_TTL, schema=KEYS + schema, source=source)


def views_of(topics: Path) -> dict[str, FeatureView]:
    """By the name of what they give. A label of another topic would be nested: Feast knows flat columns only."""
    return {
        "features": view(
            "review_features",
            topics / "review-features",
            "reviewAppendedAtMs",
            [Field(name="revision", dtype=Int32), Field(name="values", dtype=Array(Float64))],
        ),
        "label": view(
            "review_labels",
            topics / "review-labels",
            "__appended_at",
            [
                Field(name="movieId", dtype=String),
                Field(name="isSpoiler", dtype=Bool),
                Field(name="source", dtype=String),
                Field(name="revision", dtype=Int32),
                Field(name="labelledAtMs", dtype=UnixTimestamp),
            ],
        ),
    }


def plain(value: Any) -> Any:
    """As JSON has it, without loss: Python writes the shortest decimal of a double that reads back as it."""
    if isinstance(value, pd.Timestamp):
        return int(value.value // 1_000_000)
    return value.tolist() if hasattr(value, "tolist") else value


def joined(store: FeatureStore, feature_view: FeatureView, moments: pd.DataFrame) -> list[dict[str, Any] | None]:
    """One answer for each moment: Feast leaves out those that have future rows only, so their number is joined back."""
    names = [field.name for field in feature_view.features]
    wanted = [f"{feature_view.name}:{name}" for name in names]
    answers = store.get_historical_features(entity_df=moments, features=wanted).to_df()
    rows: list[dict[str, Any] | None] = [None] * len(moments)
    for row in answers.to_dict("records"):
        if not pd.isna(row["revision"]):
            rows[row["moment"]] = {name: plain(row[name]) for name in names}
    return rows


def main(topics: Path, moments_file: Path, out: Path) -> None:
    read = pd.read_json(moments_file, lines=True, dtype={"userId": str, "reviewId": str}, convert_dates=False)
    at = pd.to_datetime(read.pop("atMs"), unit="ms", utc=True)
    moments = read.assign(event_timestamp=at, moment=range(len(read)))
    views = views_of(topics)
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(
            config=RepoConfig(
                project="spoiler_shield",
                provider="local",
                registry=str(Path(folder) / "registry.db"),
                online_store=None,
                offline_store={"type": "dask"},
                entity_key_serialization_version=3,
            )
        )
        store.apply([USER, REVIEW, *views.values()])
        answers = {name: joined(store, each, moments) for name, each in views.items()}
    with out.open("w", encoding="utf-8") as lines:
        for i in range(len(moments)):
            lines.write(json.dumps({name: rows[i] for name, rows in answers.items()}) + "\n")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
