"""Compares the terms of fit inputs with those of scikit-learn.

    python tfidf_agreement.py INPUTS IDF WORDS

INPUTS holds fit.starts.i64 and so on, IDF is idf.f32, WORDS a JSON list of the words of each row of the span `fit`.
Prints the largest difference of a value, and of a weight of a bucket.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

inputs, idf_file, words_file = (Path(argument) for argument in sys.argv[1:])
words = json.loads(words_file.read_text(encoding="utf-8"))
idf = np.fromfile(idf_file, dtype="<f4")
read = {what: np.fromfile(inputs / f"fit.{name}", dtype) for what, name, dtype in [
    ("starts", "starts.i64", "<i8"), ("buckets", "buckets.i32", "<i4"), ("values", "values.f32", "<f4")]}
ours = csr_matrix((read["values"], read["buckets"], read["starts"]), shape=(len(words), len(idf)))
hashed = HashingVectorizer(
    n_features=len(idf),
    analyzer=lambda row: row + [" ".join(pair) for pair in zip(row, row[1:])],
    norm=None,
    alternate_sign=False,
).transform(words)
transformer = TfidfTransformer(sublinear_tf=True)
theirs = transformer.fit_transform(hashed)
print(json.dumps({"value": float(abs(ours - theirs).max()), "weight": float(np.abs(transformer.idf_ - idf).max())}))
