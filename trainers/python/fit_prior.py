"""Fits the model version `prior`: a logistic regression on length and context only, and a small logistic for sentences.

Reads the rows that bench/prior-rows.ts wrote; writes every file of the version folder but the manifest, and a draft of
that, which trainers/seal-model-version.ts turns into the manifest. Expected values of the golden rows are computed
here, independently of the TypeScript that serves them.

    node bench/prior-rows.ts ROWS [REVIEWS_FILE MOVIES_FILE]
    python trainers/python/fit_prior.py ROWS schemas/spoiler-v1.ts inference/versions/prior
    node trainers/seal-model-version.ts inference/versions/prior ROWS/draft.json
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from linear_fit import (
    CUES_CAP,
    MAX_SPANS,
    Bools,
    Floats,
    Sentences,
    base_rate_threshold,
    best_f1_threshold,
    best_sentence,
    fit_sentences,
    platt,
    scale,
    scaled_term,
)
from linear_head import ContextTerm, Transform

Json = dict[str, Any]

# Length and context, and nothing of the text: no cues, no plot overlap, no banner. Length stands here once: sentences,
# words and units per minute say the same again, and would only share its weight out at random.
TRANSFORMS: dict[str, Transform] = {
    "text_units": "log1p",
    "units_over_movie_mean": "log1p",
    "rating_given": "identity",
    "rating": "identity",
    "rating_minus_movie_mean": "identity",
    "rating_minus_user_mean": "identity",
    "film_age_days": "log1p",
    "user_is_new": "identity",
    "user_reviews": "log1p",
    "user_spoiler_rate": "identity",
    "user_recent_spoiler_rate": "identity",
    "movie_is_new": "identity",
    "movie_reviews": "log1p",
    "movie_spoiler_rate": "identity",
    "movie_recent_spoiler_rate": "identity",
}
# Shares of the time of the world, in order: fit, calibrate and choose thresholds, hold out.
FIT_UNTIL, CALIBRATE_UNTIL = 0.5, 0.7
PENALTIES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0]  # C of scikit-learn: small is strong
BOOTSTRAPS = 1_000
SEED = 7


class Labelled(NamedTuple):
    row: Json
    is_spoiler: bool


@dataclass(frozen=True)
class Span:
    """Rows of a span of time with their labels."""

    values: dict[str, Floats]
    labels: Bools
    rows: list[Json]


def read_rows(file: Path) -> list[Json]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def label_known_at(labels: list[Json], known_at_ms: float) -> bool | None:
    known = [label for label in labels if label["labelledAtMs"] < known_at_ms]
    return known[-1]["isSpoiler"] if known else None


def span_of(rows: list[Json], names: list[str], known_at_ms: float = float("inf")) -> Span:
    """Rows whose newest label was known then; without a label a review is unknown, not free of spoilers."""
    known = [(item["row"], label_known_at(item["labels"], known_at_ms)) for item in rows]
    labelled = [Labelled(row, label) for row, label in known if label is not None]
    matrix = np.array([item.row["values"] for item in labelled])
    values = {name: matrix[:, i] for i, name in enumerate(names)}
    return Span(values, np.array([item.is_spoiler for item in labelled]), [item.row for item in labelled])


def design(terms: list[ContextTerm], values: dict[str, Floats]) -> Floats:
    return np.column_stack([scale(term, values[term.name]) for term in terms])


def fit_logistic(x: Floats, y: Bools) -> tuple[LogisticRegression, float]:
    """Penalty chosen by log loss on the last fifth of the span, then fitted on all of it."""
    cut = int(len(y) * 0.8)

    def loss(c: float) -> float:
        fitted = LogisticRegression(C=c, max_iter=1_000).fit(x[:cut], y[:cut])
        return float(log_loss(y[cut:], fitted.predict_proba(x[cut:])[:, 1]))

    best = min(PENALTIES, key=loss)
    return LogisticRegression(C=best, max_iter=1_000, tol=1e-8).fit(x, y), best


def sentences_of(rows: list[Json]) -> Sentences:
    """One line per sentence: 1, cues, plot overlap, ending overlap, banner; and which review it stands in."""
    lines = [
        (
            1.0,
            min(s["cues"], CUES_CAP),
            s["plotOverlapPermille"] / 1000,
            s["endingOverlapPermille"] / 1000,
            float(s["banner"]),
        )
        for row in rows
        for s in row["sentences"]
    ]
    owner = [i for i, row in enumerate(rows) for _ in row["sentences"]]
    return Sentences(np.array(lines).reshape(-1, 5), np.array(owner, dtype=np.int64))


def rounded(value: float) -> float:
    return round(float(value), 4)


def interval(samples: list[float]) -> list[float]:
    return [rounded(q) for q in np.quantile(samples, [0.025, 0.975])]


def evaluate(probability: Floats, length: Floats, y: Bools, threshold: float) -> Json:
    """Figures with 95 % percentile intervals of a paired bootstrap, beside the length of the text alone."""
    metrics = {"rocAuc": roc_auc_score, "prAuc": average_precision_score}
    random = np.random.default_rng(SEED)
    draws = [random.integers(0, len(y), len(y)) for _ in range(BOOTSTRAPS)]
    figures: Json = {"reviews": len(y), "spoilerShare": rounded(y.mean())}
    for name, metric in metrics.items():
        own = [metric(y[d], probability[d]) for d in draws]
        alone = [metric(y[d], length[d]) for d in draws]
        gain = [a - b for a, b in zip(own, alone, strict=True)]
        figures[name] = {
            "value": rounded(metric(y, probability)),
            "interval": interval(own),
            "lengthOnly": rounded(metric(y, length)),
            "lengthOnlyInterval": interval(alone),
            "gainInterval": interval(gain),
        }
    said = probability >= threshold
    hits = int((said & y).sum())
    figures["atThreshold"] = {
        "precision": rounded(hits / max(1, said.sum())),
        "recall": rounded(hits / max(1, y.sum())),
        "f1": rounded(2 * hits / max(1, said.sum() + y.sum())),
    }
    base = np.full(len(y), y.mean())
    figures["brier"] = {
        "value": rounded(brier_score_loss(y, probability)),
        "ofShare": rounded(brier_score_loss(y, base)),
    }
    figures["meanProbability"] = rounded(probability.mean())
    return figures


def span_figures(best: Floats, y: Bools, threshold: float) -> Json:
    shown = best >= threshold
    return {
        "rocAucOfBestSentence": rounded(roc_auc_score(y, best)),
        "spoilersWithSpan": rounded(shown[y].mean()),
        "othersWithSpan": rounded(shown[~y].mean()),
    }


@dataclass(frozen=True)
class Fitted:
    terms: list[ContextTerm]
    regression: LogisticRegression
    penalty: float
    slope: float
    intercept: float
    threshold: float
    spans: Floats
    span_threshold: float

    def probability(self, values: dict[str, Floats]) -> Floats:
        logits = self.regression.decision_function(design(self.terms, values))
        return np.asarray(expit(logits * self.slope + self.intercept))

    def coefficients(self) -> Json:
        return {
            "intercept": float(self.regression.intercept_[0]),
            "terms": [
                {
                    "feature": term.name,
                    "clip": [term.clip_low, term.clip_high],
                    "transform": term.transform,
                    "mean": term.mean,
                    "scale": term.scale,
                    "coefficient": float(weight),
                }
                for term, weight in zip(self.terms, self.regression.coef_[0], strict=True)
            ],
        }

    def span_coefficients(self) -> Json:
        intercept, cues, plot, ending, banner = (float(w) for w in self.spans)
        return {
            "intercept": intercept,
            "cues": cues,
            "cuesCap": CUES_CAP,
            "plotOverlap": plot,
            "endingOverlap": ending,
            "banner": banner,
        }

    def golden(self, row: Json, names: list[str]) -> Json:
        values = {name: np.array([row["values"][i]]) for i, name in enumerate(names)}
        scores = expit(sentences_of([row]).evidence @ self.spans)
        spans = [
            {"start": s["start"], "end": s["end"], "score": float(score)}
            for s, score in zip(row["sentences"], scores, strict=True)
            if score >= self.span_threshold
        ]
        highest = sorted(spans, key=lambda s: (-s["score"], s["start"]))[:MAX_SPANS]
        return {
            "row": row,
            "probability": float(self.probability(values)[0]),
            "spans": sorted(highest, key=lambda s: s["start"]),
        }


def fit(fit_span: Span, calibration_span: Span) -> Fitted:
    terms = [scaled_term(name, transform, fit_span.values[name]) for name, transform in TRANSFORMS.items()]
    regression, penalty = fit_logistic(design(terms, fit_span.values), fit_span.labels)
    logits = regression.decision_function(design(terms, calibration_span.values))
    slope, intercept = platt(logits, calibration_span.labels)
    threshold = base_rate_threshold(expit(logits * slope + intercept), calibration_span.labels)
    spans = fit_sentences(sentences_of(fit_span.rows), fit_span.labels)
    best = best_sentence(sentences_of(calibration_span.rows), spans, len(calibration_span.labels))
    span_threshold = best_f1_threshold(best, calibration_span.labels)
    return Fitted(terms, regression, penalty, slope, intercept, threshold, spans, span_threshold)


def time_split(rows: list[Json], names: list[str]) -> tuple[Span, Span, Span]:
    """Each span uses only labels that were known before the next one begins; the last one uses all."""
    times = [item["row"]["writtenAtMs"] for item in rows]
    first, last = min(times), max(times)
    cut_fit, cut_calibrate = (first + share * (last - first) for share in (FIT_UNTIL, CALIBRATE_UNTIL))
    parts: tuple[list[Json], list[Json], list[Json]] = ([], [], [])
    for item, at in zip(rows, times, strict=True):
        parts[int(at >= cut_fit) + int(at >= cut_calibrate)].append(item)
    return (
        span_of(parts[0], names, cut_fit),
        span_of(parts[1], names, cut_calibrate),
        span_of(parts[2], names),
    )


def figures_of(fitted: Fitted, span: Span) -> Json:
    probability = fitted.probability(span.values)
    figures = evaluate(probability, span.values["text_units"], span.labels, fitted.threshold)
    best = best_sentence(sentences_of(span.rows), fitted.spans, len(span.labels))
    figures["sentences"] = span_figures(best, span.labels, fitted.span_threshold)
    return figures


def readme(metrics: Json, fitted: Fitted) -> str:
    def line(title: str, figures: Json) -> str:
        cells = []
        for name in ("rocAuc", "prAuc"):
            f = figures[name]
            low, high = f["interval"]
            cells.append(f"{f['value']:.3f} ({low:.3f} to {high:.3f})")
            low, high = f["lengthOnlyInterval"]
            cells.append(f"{f['lengthOnly']:.3f} ({low:.3f} to {high:.3f})")
        return f"| {title}, {figures['reviews']} reviews | " + " | ".join(cells) + " |"

    tables = [line("generated world, later span", metrics["world"])]
    on_real = ""
    if "imdb" in metrics:
        real = metrics["imdb"]
        tables.append(line("real reviews of one film", real))
        low, high = real["rocAuc"]["gainInterval"]
        verdict = "better than" if low > 0 else "worse than" if high < 0 else "not shown to be better than"
        on_real = f"""On the real reviews it is {verdict} the length of the text alone (difference in ROC-AUC
            {low:+.3f} to {high:+.3f}). Its probabilities there are {real["meanProbability"]:.2f} on average where
            {real["spoilerShare"]:.2f} spoil: it was calibrated on the generated world."""
    shown = metrics["world"]["sentences"]
    paragraphs = [
        "# The prior",
        f"""What scores reviews before any model was trained: a logistic regression on the length of a review and its
        context (rating, age of the film, what was known of author and film when it was written). It does not look at
        the words. It was fitted on {metrics["fit"]["reviews"]} labelled reviews that a generator wrote (penalty C =
        {fitted.penalty:g}, chosen on the end of that span), so it knows nothing of real ones but what the generator
        imitates. Trained versions replace it.""",
        "\n".join(["| held out | ROC-AUC | length alone | PR-AUC | length alone |", "|---|---|---|---|---|", *tables]),
        f"""In brackets: 95 % intervals of a bootstrap over reviews. A review is called a spoiler from
        {fitted.threshold:.3f} on: then as large a share is called so as does spoil. The best F1 of so weak a model would
        call more than half of all reviews spoilers.""",
        on_real,
        f"""Sentences are scored by a small logistic over their cues, plot overlap and banner, learned from the labels
        of whole reviews (a review spoils if one of its sentences does). Its scores are probabilities of a single
        sentence and low: published is what reaches {fitted.span_threshold:.3f}, the best F1 of "has such a sentence"
        for "spoils". On the held-out world {shown["spoilersWithSpan"]:.0%} of the spoilers and
        {shown["othersWithSpan"]:.0%} of the others have one. Nobody has marked sentences, so how well it points is not
        known.""",
        """Made by `bench/prior-rows.ts`, `trainers/python/fit_prior.py` and `trainers/seal-model-version.ts`, in this
        order. The folder is immutable: its hash is its version.""",
    ]
    filled = [p if p.startswith("|") else textwrap.fill(" ".join(p.split()), 120) for p in paragraphs if p != ""]
    return "\n\n".join(filled) + "\n"


def main() -> None:
    rows_folder, service_file, version_folder = (Path(argument) for argument in sys.argv[1:])
    declaration = r"^  (?:count|ratio|flag)\('(\w+)'"
    names = re.findall(declaration, service_file.read_text(encoding="utf-8"), re.MULTILINE)
    world = read_rows(rows_folder / "world.jsonl")
    if len(names) != len(world[0]["row"]["values"]):
        raise SystemExit(f"{service_file} declares {len(names)} features, rows have {len(world[0]['row']['values'])}")
    fit_span, calibration_span, held_out = time_split(world, names)
    fitted = fit(fit_span, calibration_span)

    metrics: Json = {
        "fit": {"reviews": len(fit_span.labels), "penaltyC": fitted.penalty},
        "calibration": {"reviews": len(calibration_span.labels)},
        "world": figures_of(fitted, held_out),
    }
    real_file = rows_folder / "imdb.jsonl"
    if real_file.exists():
        metrics["imdb"] = figures_of(fitted, span_of(read_rows(real_file), names))

    version_folder.mkdir(parents=True, exist_ok=True)
    golden = [fitted.golden(item["row"], names) for item in world if item["row"]["text"] != ""]
    lines = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in golden)
    draft = {
        "name": "prior",
        "tier": "prior",
        "description": "Length and context only, fitted on a generated world; see README.md.",
        "featureService": world[0]["row"]["featureService"],
        "inputs": list(TRANSFORMS),
        "head": {"kind": "logistic", "coefficients": "coefficients.json"},
        "calibration": {"kind": "platt", "slope": fitted.slope, "intercept": fitted.intercept},
        "threshold": fitted.threshold,
        "spans": {"coefficients": "spans.json", "threshold": fitted.span_threshold},
        "golden": {"rows": "golden.jsonl", "tolerance": 1e-9},
        "metrics": metrics,
    }
    for file, content in {
        version_folder / "coefficients.json": json.dumps(fitted.coefficients(), indent=2) + "\n",
        version_folder / "spans.json": json.dumps(fitted.span_coefficients(), indent=2) + "\n",
        version_folder / "golden.jsonl": lines,
        version_folder / "README.md": readme(metrics, fitted),
        rows_folder / "draft.json": json.dumps(draft, indent=2) + "\n",
    }.items():
        file.write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
