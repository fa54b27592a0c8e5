"""Fits a model version of the tier `baseline`: logistic regression on hashed terms and the features of the row.

    python fit_baseline.py INPUTS VERSION_FOLDER

INPUTS holds what trainers/baseline/fit-inputs.ts wrote: settings.json, and plain little-endian arrays for the spans
`fit`, `stop` and `calibrate`. Writes model.onnx, spans.json, golden.jsonl and reference.json into VERSION_FOLDER, and a
draft of the manifest as INPUTS/draft.json. Equal inputs give equal bytes on equal processors. Expected values of the
golden rows are computed here, in float64, independently of ONNX Runtime and the TypeScript that serves them.

Spans: weights from `fit`, how strongly they are held back from `stop`, then both fitted together; calibration and
thresholds from `calibrate`. Lines on stdout say how far it is: "3 of 11". It ends when its stdin does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

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
from linear_head import ContextTerm, build_linear_head

Json = dict[str, Any]
SpanName = Literal["fit", "stop", "calibrate"]

# C of scikit-learn, small is strong: of the features, and of the terms beside them, 0 leaving the words out. Terms are
# rows of length 1 and features have deviation 1, so that one C for both would hold back the words alone.
CONTEXT_PENALTIES = [0.001, 0.01, 0.1, 1.0]
TERM_PENALTIES = [0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
# One for each penalty, words left out only once, and the last with the best of them.
FITS = len(CONTEXT_PENALTIES) + len(TERM_PENALTIES)
MAX_ITERATIONS = 1_000
# Largest difference of float64 here and float32 there.
TOLERANCE = 1e-5
REFERENCE_BINS = 10


class Settings(NamedTuple):
    folder: Path
    buckets: int
    features: list[Json]
    draft: Json

    def array(self, name: str, dtype: str) -> NDArray[Any]:
        return np.fromfile(self.folder / name, dtype=dtype)

    def terms(self, name: str) -> csr_matrix:
        """Rows of hashed terms. scikit-learn wants 32-bit positions."""
        starts = self.array(f"{name}.starts.i64", "<i8")
        buckets = self.array(f"{name}.buckets.i32", "<i4")
        values = self.array(f"{name}.values.f32", "<f4").astype(np.float64)
        if starts[-1] <= np.iinfo(np.int32).max:
            starts = starts.astype(np.int32)
        return csr_matrix((values, buckets, starts), shape=(len(starts) - 1, self.buckets))


@dataclass(frozen=True)
class Span:
    terms: csr_matrix
    context: Floats
    labels: Bools

    @staticmethod
    def read(settings: Settings, name: SpanName) -> Span:
        context = settings.array(f"{name}.context.f64", "<f8").reshape(-1, len(settings.features))
        return Span(settings.terms(name), context, settings.array(f"{name}.labels.u8", "u1") == 1)


@dataclass(frozen=True)
class Fitted:
    context: list[ContextTerm]
    token_weights: NDArray[np.float32]
    bias: float
    penalties: tuple[float, float]

    def logits(self, span: Span) -> Floats:
        scaled = scaled_context(self.context, span.context)
        weights = np.array([term.coefficient for term in self.context])
        return np.asarray(span.terms @ self.token_weights.astype(np.float64) + scaled @ weights + self.bias)


def say_done(fits: int) -> None:
    print(f"{fits} of {FITS}", flush=True)


def end_with_parent() -> None:
    """Whoever started the fit keeps its stdin open: when it is gone, nobody waits for the result."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1) != b"":
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def scaled_context(terms: list[ContextTerm], context: Floats) -> Floats:
    return np.column_stack([scale(term, context[:, i]) for i, term in enumerate(terms)])


def fit_weights(
    terms: csr_matrix, context: Floats, labels: Bools, penalties: tuple[float, float]
) -> LogisticRegression:
    """Stretching a block by s is the same as multiplying its C by s squared."""
    of_context, of_terms = penalties
    x = hstack([terms * np.sqrt(of_terms / of_context), context]).tocsr() if of_terms > 0 else context
    fitted = LogisticRegression(C=of_context, class_weight="balanced", max_iter=MAX_ITERATIONS, tol=1e-6)
    return fitted.fit(x, labels)


def weights_of(fitted: LogisticRegression, buckets: int, penalties: tuple[float, float]) -> tuple[Floats, Floats]:
    """Weights of the terms and of the features."""
    of_context, of_terms = penalties
    all_weights = fitted.coef_[0]
    if of_terms == 0:
        return np.zeros(buckets), all_weights
    return all_weights[:buckets] * np.sqrt(of_terms / of_context), all_weights[buckets:]


def choose_penalties(fit: Span, stop: Span, terms: list[ContextTerm]) -> tuple[float, float]:
    """The least log loss on the early-stop span, both classes weighing the same: first of the features alone."""
    of_fit, of_stop = (scaled_context(terms, span.context) for span in (fit, stop))
    share = stop.labels.mean()
    sample_weight = np.where(stop.labels, 1 / share, 1 / (1 - share))
    done = 0

    def loss(penalties: tuple[float, float]) -> float:
        nonlocal done
        fitted = fit_weights(fit.terms, of_fit, fit.labels, penalties)
        weights, coefficients = weights_of(fitted, fit.terms.shape[1], penalties)
        logits = stop.terms @ weights + of_stop @ coefficients + fitted.intercept_[0]
        done += 1
        say_done(done)
        return float(log_loss(stop.labels, expit(logits), sample_weight=sample_weight))

    of_context = {(c, 0.0): loss((c, 0.0)) for c in CONTEXT_PENALTIES}
    best_context = min(of_context, key=lambda penalties: of_context[penalties])
    with_terms = {(best_context[0], t): loss((best_context[0], t)) for t in TERM_PENALTIES if t > 0}
    losses = {best_context: of_context[best_context], **with_terms}
    return min(losses, key=lambda penalties: losses[penalties])


def fit_head(settings: Settings, fit: Span, stop: Span) -> Fitted:
    terms = [scaled_term(f["name"], f["transform"], fit.context[:, i]) for i, f in enumerate(settings.features)]
    penalties = choose_penalties(fit, stop, terms)
    both = Span(
        vstack([fit.terms, stop.terms]).tocsr(),
        np.vstack([fit.context, stop.context]),
        np.concatenate([fit.labels, stop.labels]),
    )
    fitted = fit_weights(both.terms, scaled_context(terms, both.context), both.labels, penalties)
    say_done(FITS)
    token_weights, coefficients = weights_of(fitted, settings.buckets, penalties)
    context = [term._replace(coefficient=float(c)) for term, c in zip(terms, coefficients, strict=True)]
    return Fitted(context, token_weights.astype(np.float32), float(fitted.intercept_[0]), penalties)


def sentences_of(settings: Settings, head: Fitted) -> Sentences:
    """Columns: 1, cues, plot overlap, ending overlap, banner, and what the head gives to the terms."""
    evidence = settings.array("sentences.evidence.f64", "<f8").reshape(-1, 4)
    evidence[:, 0] = np.minimum(evidence[:, 0], CUES_CAP)
    of_terms = settings.terms("sentences") @ head.token_weights.astype(np.float64)
    columns = np.column_stack([np.ones(len(evidence)), evidence, of_terms])
    return Sentences(columns, settings.array("sentences.owners.i64", "<i8"))


@dataclass(frozen=True)
class SpanModel:
    weights: Floats
    threshold: float

    def coefficients(self) -> Json:
        intercept, cues, plot, ending, banner, terms = (float(w) for w in self.weights)
        return {
            "intercept": intercept,
            "cues": cues,
            "cuesCap": CUES_CAP,
            "plotOverlap": plot,
            "endingOverlap": ending,
            "banner": banner,
            "terms": terms,
        }

    @staticmethod
    def fit(sentences: Sentences, labels: Bools) -> SpanModel:
        weights = fit_sentences(sentences, labels)
        best = best_sentence(sentences, weights, len(labels))
        # A little below the score that it was read from, so that rounding does not decide.
        return SpanModel(weights, best_f1_threshold(best, labels) * (1 - 1e-6))


def golden_rows(settings: Settings, probabilities: Floats, sentences: Sentences, spans: SpanModel) -> list[Json]:
    scores = expit(sentences.evidence @ spans.weights)
    rows = []
    # not splitlines: it also splits at characters that stand in reviews, such as U+2028
    for line in (settings.folder / "golden.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
        candidate = json.loads(line)
        own = scores[sentences.owner == candidate["index"]]
        if np.any(np.abs(own - spans.threshold) < TOLERANCE):
            continue  # published or not: rounding would decide
        row = candidate["row"]
        scored = [
            {"start": s["start"], "end": s["end"], "score": float(score)}
            for s, score in zip(row["sentences"], own, strict=True)
            if score >= spans.threshold
        ]
        highest = sorted(scored, key=lambda s: (-s["score"], s["start"]))[:MAX_SPANS]
        rows.append(
            {
                "row": row,
                "probability": float(probabilities[candidate["index"]]),
                "spans": sorted(highest, key=lambda s: s["start"]),
            }
        )
    return rows


def binned(values: Floats) -> Json:
    """Frozen bins: `counts[i]` values lie below `edges[i]` and not below `edges[i - 1]`; the outer bins are open."""
    distinct = np.unique(values)
    if len(distinct) <= REFERENCE_BINS:
        edges = np.append(distinct, np.nextafter(distinct[-1], np.inf))
    else:
        edges = np.unique(np.quantile(values, np.arange(1, REFERENCE_BINS) / REFERENCE_BINS))
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def reference_of(settings: Settings, span: Span, probabilities: Floats) -> Json:
    """What features and scores look like on rows that the head has not seen: what drift is measured from."""
    return {
        "rows": len(span.labels),
        "features": {feature["name"]: binned(span.context[:, i]) for i, feature in enumerate(settings.features)},
        "probability": binned(probabilities),
    }


def write_json(file: Path, content: Json) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    end_with_parent()
    inputs, version_folder = (Path(argument) for argument in sys.argv[1:])
    given = json.loads((inputs / "settings.json").read_text(encoding="utf-8"))
    settings = Settings(inputs, given["buckets"], given["features"], given["draft"])
    fit, stop, calibrate = (Span.read(settings, name) for name in ("fit", "stop", "calibrate"))
    head = fit_head(settings, fit, stop)
    logits = head.logits(calibrate)
    slope, intercept = platt(logits, calibrate.labels)
    if slope <= 0:
        sys.exit("the fitted model orders the calibration span backwards: there is nothing in the rows to learn from")
    probabilities = expit(logits * slope + intercept)
    sentences = sentences_of(settings, head)
    spans = SpanModel.fit(sentences, calibrate.labels)

    build_linear_head(
        version_folder / "model.onnx", token_weights=head.token_weights, bias=head.bias, context=head.context
    )
    write_json(version_folder / "spans.json", spans.coefficients())
    write_json(version_folder / "reference.json", reference_of(settings, calibrate, probabilities))
    golden = golden_rows(settings, probabilities, sentences, spans)
    if not golden:
        sys.exit("no sentence is told from another: there is nothing in the rows to learn from")
    lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in golden)
    (version_folder / "golden.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    of_context, of_terms = head.penalties
    draft = {
        **settings.draft,
        "inputs": [feature["name"] for feature in settings.features],
        "head": {
            "kind": "onnx-linear",
            "model": "model.onnx",
            "terms": {"buckets": settings.buckets, "idf": "idf.f32"},
        },
        "calibration": {"kind": "platt", "slope": slope, "intercept": intercept},
        "threshold": base_rate_threshold(probabilities, calibrate.labels),
        "spans": {"coefficients": "spans.json", "threshold": spans.threshold},
        "golden": {"rows": "golden.jsonl", "tolerance": TOLERANCE},
        "metrics": {"penalties": {"context": of_context, "terms": of_terms}},
    }
    write_json(inputs / "draft.json", draft)


if __name__ == "__main__":
    main()
