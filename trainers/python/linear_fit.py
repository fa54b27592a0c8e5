"""What the fits of linear models share: scaling of features, calibration, thresholds, and the scores of sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve

from linear_head import ContextTerm, Transform

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FUNCTIONS: dict[Transform, Callable[[Floats], Floats]] = {"identity": lambda x: x, "log1p": np.log1p, "sqrt": np.sqrt}
CUES_CAP = 3
MAX_SPANS = 20


def scaled_term(name: str, transform: Transform, values: Floats) -> ContextTerm:
    """Clips to the middle 99 % of the fit: beyond it the line was never seen to hold. The coefficient is yet to come."""
    floor = -np.inf if transform == "identity" else 0.0
    low, high = (max(floor, float(q)) for q in np.quantile(values, [0.005, 0.995]))
    transformed = FUNCTIONS[transform](np.clip(values, low, high))
    mean, scale = float(transformed.mean()), float(transformed.std())
    # what is constant has a deviation of rounding errors, and float32 sees no smaller ones either
    is_constant = scale <= 1e-6 * max(1.0, abs(mean))
    return ContextTerm(name, low, high, transform, mean, 1.0 if is_constant else scale, 0.0)


def scale(term: ContextTerm, values: Floats) -> Floats:
    transformed = FUNCTIONS[term.transform](np.clip(values, term.clip_low, term.clip_high))
    return np.asarray((transformed - term.mean) / term.scale)


def platt(logits: Floats, labels: Bools) -> tuple[float, float]:
    """Slope and intercept that calibrate log-odds."""
    fitted = LogisticRegression(C=1e6).fit(logits.reshape(-1, 1), labels)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def base_rate_threshold(scores: Floats, labels: Bools) -> float:
    """Marks as large a share as spoils. The best F1 of a weak model marks more than half of everything."""
    return float(np.quantile(scores, 1 - labels.mean(), method="lower"))


def best_f1_threshold(scores: Floats, labels: Bools) -> float:
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[:-1]))])


class Sentences(NamedTuple):
    """Evidence of sentences, shape [sentences, kinds], the first column 1; and which review each stands in."""

    evidence: Floats
    owner: NDArray[np.int64]


def fit_sentences(sentences: Sentences, labels: Bools) -> Floats:
    """Weights of the evidence, learned from labels of whole reviews: a review spoils if one of its sentences does."""
    x, owner = sentences

    def loss(w: Floats) -> tuple[float, Floats]:
        z = x @ w
        total = np.bincount(owner, np.logaddexp(0, z), minlength=len(labels)) + 1e-9
        spoils = -np.expm1(-total)
        slope = np.where(labels, np.exp(-total) / spoils, -1.0)
        gradient = -(x * (slope[owner] * expit(z))[:, None]).sum(axis=0)
        value = -np.where(labels, np.log(spoils), -total).sum()
        return float(value + w[1:] @ w[1:]), np.asarray(gradient + 2 * np.append(0.0, w[1:]))

    # No evidence may speak against a spoiler: that is what "evidence" means to a reader of the spans.
    kinds = x.shape[1]
    bounds = [(None, None)] + [(0.0, None)] * (kinds - 1)
    start = np.append(-4.0, np.ones(kinds - 1))
    return np.asarray(minimize(loss, start, jac=True, bounds=bounds).x)


def best_sentence(sentences: Sentences, weights: Floats, reviews: int) -> Floats:
    """Highest sentence score of each review; 0 for one without sentences."""
    best = np.zeros(reviews)
    np.maximum.at(best, sentences.owner, expit(sentences.evidence @ weights))
    return best
