"""Builds the ONNX graph of a linear head: token weights, clipped and scaled context features, and their contributions.

    log-odds = bias + sum(token_weights[token_indices] * token_values)
                    + sum(coefficient * (transform(clip(context)) - mean) / scale)

Inputs: token_indices int64 [n], token_values float32 [n], context float32 [F], raw, in the order of `context`.
Outputs: logit float32 [1], token_contributions float32 [n], context_contributions float32 [F]; all log-odds.
Terms are hashed and weighted in TypeScript (features/hashed-terms.ts, inference/onnx-linear.ts). Equal arguments give
equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 9

Transform = Literal["identity", "log1p", "sqrt"]


class ContextTerm(NamedTuple):
    """One feature: coefficient * (transform(clip(value, clip_low, clip_high)) - mean) / scale."""

    name: str
    clip_low: float
    clip_high: float
    transform: Transform
    mean: float
    scale: float
    coefficient: float


def build_linear_head(
    path: Path, *, token_weights: NDArray[np.float32], bias: float, context: Sequence[ContextTerm]
) -> None:
    """Writes the graph to `path`. Numbers are stored as float32. Raises ValueError on arguments that cannot serve."""
    _check(token_weights, bias, context)
    graph = helper.make_graph(
        [*_token_nodes(), *_context_nodes(context), *_sum_nodes()],
        "linear_head",
        [
            helper.make_tensor_value_info("token_indices", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("token_values", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("context", TensorProto.FLOAT, [len(context)]),
        ],
        [
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1]),
            helper.make_tensor_value_info("token_contributions", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("context_contributions", TensorProto.FLOAT, [len(context)]),
        ],
        _constants(token_weights, bias, context),
    )
    model = helper.make_model(
        graph,
        producer_name="spoiler-shield",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _check(token_weights: NDArray[np.float32], bias: float, context: Sequence[ContextTerm]) -> None:
    if token_weights.ndim != 1 or token_weights.size == 0 or not np.isfinite(token_weights).all():
        raise ValueError("token_weights: one finite number per bucket")
    if not math.isfinite(bias):
        raise ValueError(f"bias is {bias}")
    if not context:
        raise ValueError("context: no feature")
    for term in context:
        if not all(math.isfinite(number) for number in (term.mean, term.scale, term.coefficient)) or term.scale <= 0:
            raise ValueError(f"{term.name}: mean, scale > 0 and coefficient must be finite")
        if not term.clip_low <= term.clip_high:
            raise ValueError(f"{term.name}: clip_low is above clip_high")
        if term.transform != "identity" and term.clip_low < 0:
            raise ValueError(f"{term.name}: {term.transform} needs a range without negative numbers")


def _token_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Gather", ["token_weights", "token_indices"], ["token_weight"]),
        helper.make_node("Mul", ["token_weight", "token_values"], ["token_contributions"]),
    ]


def _context_nodes(context: Sequence[ContextTerm]) -> list[onnx.NodeProto]:
    nodes = [
        helper.make_node("Max", ["context", "clip_low"], ["not_below"]),
        helper.make_node("Min", ["not_below", "clip_high"], ["clipped"]),
    ]
    transformed = "clipped"
    used = {term.transform for term in context}
    if "log1p" in used:
        nodes += [
            helper.make_node("Add", ["clipped", "one"], ["plus_one"]),
            helper.make_node("Log", ["plus_one"], ["logarithm"]),
            helper.make_node("Where", ["is_log1p", "logarithm", transformed], ["after_log1p"]),
        ]
        transformed = "after_log1p"
    if "sqrt" in used:
        nodes += [
            helper.make_node("Sqrt", ["clipped"], ["root"]),
            helper.make_node("Where", ["is_sqrt", "root", transformed], ["after_sqrt"]),
        ]
        transformed = "after_sqrt"
    return [
        *nodes,
        helper.make_node("Sub", [transformed, "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "slope"], ["context_contributions"]),
    ]


def _sum_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("ReduceSum", ["token_contributions"], ["token_sum"], keepdims=1),
        helper.make_node("ReduceSum", ["context_contributions"], ["context_sum"], keepdims=1),
        helper.make_node("Add", ["token_sum", "context_sum"], ["both_sums"]),
        helper.make_node("Add", ["both_sums", "bias"], ["logit"]),
    ]


def _constants(
    token_weights: NDArray[np.float32], bias: float, context: Sequence[ContextTerm]
) -> list[onnx.TensorProto]:
    def column(value_of: Callable[[ContextTerm], float]) -> NDArray[np.float32]:
        return np.array([value_of(term) for term in context], dtype=np.float32)

    arrays: dict[str, NDArray[np.float32] | NDArray[np.bool_]] = {
        "token_weights": token_weights.astype("<f4"),
        "bias": np.array([bias], dtype=np.float32),
        "clip_low": column(lambda term: term.clip_low),
        "clip_high": column(lambda term: term.clip_high),
        "mean": column(lambda term: term.mean),
        "slope": column(lambda term: term.coefficient / term.scale),
    }
    used = {term.transform for term in context}
    if "log1p" in used:
        arrays["one"] = np.array([1], dtype=np.float32)
        arrays["is_log1p"] = np.array([term.transform == "log1p" for term in context])
    if "sqrt" in used:
        arrays["is_sqrt"] = np.array([term.transform == "sqrt" for term in context])
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]
