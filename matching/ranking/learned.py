"""The ranker in use: a learned one from a file, or fusion where there is none for this encoder.

A ranker file is one JSON document: weights of a linear part, optionally a few small LightGBM models, weights of fields
and indicators, the calibration from scores to probabilities, the revision of the encoder whose vectors it was taught
on, and figures of how it did.
With vectors of another encoder its weights mean nothing, so it is not used then.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matching.errors import InvalidInput
from matching.ranking.features import RANKER_FEATURES, assemble_ranker_features
from matching.ranking.structured import EVIDENCE, HAND_SET_WEIGHTS
from matching.ranking.trees import import_lightgbm

if TYPE_CHECKING:
    import lightgbm

Array = NDArray[np.float32]

logger = logging.getLogger(__name__)

SHIPPED_RANKER = Path(__file__).parent / "models" / "ranker.json"
FUSION_REVISION = "fusion-2"
"""Raise it with any change of features or of fusion's weights: stored suggestions keep the revision that made them."""
FORMAT = 5
_KNOTS_OF_AN_END = 4
_A_DENSE_ONE = RANKER_FEATURES.index("dense_full_raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """probability = 1 / (1 + exp(−(slope · score + intercept)))."""

    slope: float
    intercept: float

    def probabilities(self, scores: NDArray[np.floating[Any]]) -> Array:
        """Chance that a professional would judge a pair with this score a match."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * scores.astype(np.float64) + self.intercept))), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a learned ranker would say on average of a pair of which only a part is known, by that part's fusion score.

    Straight lines between knots, both ascending, and beyond the last ones on as steep as the nearest few are together,
    since single ones stand for few pairs: order by fusion stays order by score.
    """

    fused: tuple[float, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.fused) != len(self.scores) or len(self.fused) < 2:
            raise ValueError("two knots or more are needed")
        if any(np.diff(knots).min() <= 0 for knots in (self.fused, self.scores)):
            raise ValueError("knots have to ascend")

    def expect(self, fused: Array) -> Array:
        """Scores of the learned ranker's scale, shape as `fused`."""
        x, y = np.array(self.fused), np.array(self.scores)
        few = min(_KNOTS_OF_AN_END, len(x) - 1)
        below = y[0] + (fused - x[0]) * (y[few] - y[0]) / (x[few] - x[0])
        above = y[-1] + (fused - x[-1]) * (y[-1] - y[-1 - few]) / (x[-1] - x[-1 - few])
        between = np.interp(fused, x, y)
        return np.asarray(np.where(fused < x[0], below, np.where(fused > x[-1], above, between)), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """Turns features of pairs into scores, and scores into probabilities where calibrated.

    `revision` names ranker and encoder together: equal revisions give equal scores.
    `linear` has a weight for each of RANKER_FEATURES, None for plain fusion. `field_weights` are what each of EVIDENCE
    adds to the score of the texts. `without_words` and `without_vectors` say
    what is to be expected where lexical features (two scripts) or dense ones are unknown.
    """

    revision: str
    linear: Array | None = None
    trees: tuple[str, ...] = ()
    tree_weight: float = 0.0
    field_weights: Array = field(default_factory=HAND_SET_WEIGHTS.copy)
    calibration: Calibration | None = None
    without_words: Expectation | None = None
    without_vectors: Expectation | None = None

    @cached_property
    def _boosters(self) -> list[lightgbm.Booster]:
        lightgbm = import_lightgbm()
        return [lightgbm.Booster(model_str=trees) for trees in self.trees]

    def score(self, raw: Array, toward_need: Array, toward_capability: Array, fused: Array, phrases: Array) -> Array:
        """Scores of shape (needs, capabilities) from the arrays of `matching.ranking.features` and `fuse`."""
        if self.linear is None:
            return fused
        features = assemble_ranker_features(raw, toward_need, toward_capability, fused, phrases)
        return self.score_features(features.reshape(-1, len(RANKER_FEATURES))).reshape(fused.shape)

    def score_features(self, features: Array) -> Array:
        """Scores of shape (pairs,) from rows of RANKER_FEATURES.

        Pairs of which something is unknown (in two scripts, or without a vector) get the score that is to be expected
        from what is known, since judged pairs to learn from were all of one script. The fusion score itself will not
        do: it is about 0 for an average pair, whose learned score may be anything.
        """
        assert self.linear is not None
        scores = features[:, RANKER_FEATURES.index("fused")].astype(np.float32)
        known = ~np.isnan(features).any(axis=1)
        no_vectors = np.isnan(features[:, _A_DENSE_ONE])
        for partly_known, expectation in (
            (~known & ~no_vectors, self.without_words),
            (~known & no_vectors, self.without_vectors),
        ):
            if expectation is not None:
                scores[partly_known] = expectation.expect(scores[partly_known])
        if not known.any():
            return scores
        rows = features[known]
        learned = rows @ self.linear
        if self.trees and self.tree_weight:
            learned = learned + self.tree_weight * self.predict_trees(rows)
        scores[known] = learned
        return scores

    def predict_trees(self, features: Array) -> Array:
        """Mean output of the tree models, shape (pairs,)."""
        # One thread: the arrays are small, and each worker process has its own.
        outputs = [np.asarray(booster.predict(features, num_threads=1)) for booster in self._boosters]
        return np.asarray(np.mean(outputs, axis=0), dtype=np.float32)

    def probabilities(self, scores: Array) -> Array | None:
        """Probabilities of the final scores; None where nothing was calibrated."""
        return None if self.calibration is None else self.calibration.probabilities(scores)


def read_ranker(path: Path) -> tuple[dict[str, Any], str]:
    """(content, short hash) of a ranker file. Raises InvalidInput when it is none of ours."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(str(path), error) from error
    return _parse(content, str(path))


def _parse(content: bytes, where: str) -> tuple[dict[str, Any], str]:
    try:
        data = json.loads(content)
        if data["format"] != FORMAT or list(data["features"]) != list(RANKER_FEATURES):
            raise ValueError("another format or other features")
        if len(data["linear"]) != len(RANKER_FEATURES):
            raise ValueError("as many weights as features are needed")
        _field_weights(data["field_weights"])
        _expectation(data["without_words"])
        _expectation(data["without_vectors"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(where, error) from error
    return data, digest_of(content)


def _field_weights(data: dict[str, float]) -> Array:
    if set(data) != set(EVIDENCE):
        raise ValueError("a weight for each kind of evidence is needed")
    return np.array([data[name] for name in EVIDENCE], dtype=np.float32)


def _expectation(data: dict[str, list[float]]) -> Expectation:
    return Expectation(fused=tuple(data["fused"]), scores=tuple(data["scores"]))


def _unreadable(where: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        "ranker.unreadable", "排序模型文件无法读取或与本版本不符", where=where,
        message_en=f"The ranker file cannot be read or does not fit this version ({error})",
    )  # fmt: skip


def digest_of(content: bytes) -> str:
    """Short hash of a ranker file, part of its revision."""
    return hashlib.sha256(content).hexdigest()[:12]


def load_ranker(path: Path | None = None, *, encoder_revision: str) -> Ranker:
    """The ranker at `path` (None: the shipped one), or fusion where it was taught on another encoder's vectors.

    Raises InvalidInput when a file was named that cannot be read.
    """
    chosen = path or SHIPPED_RANKER
    if path is None and not chosen.exists():
        return fusion_ranker(encoder_revision)
    data, digest = read_ranker(chosen)
    return _make(data, digest, encoder_revision, str(chosen))


def parse_ranker(content: bytes, *, encoder_revision: str, name: str) -> Ranker:
    """As `load_ranker`, for a file's content; `name` is what errors and the log call it."""
    data, digest = _parse(content, name)
    return _make(data, digest, encoder_revision, name)


def _make(data: dict[str, Any], digest: str, encoder_revision: str, name: str) -> Ranker:
    if _weights_of(data["encoder_revision"]) != _weights_of(encoder_revision):
        logger.warning(
            "the ranker was taught on another encoder; fusion is used instead",
            extra={"ranker": name, "taught_on": data["encoder_revision"], "encoder": encoder_revision},
        )
        return fusion_ranker(encoder_revision)
    calibration = data.get("calibration")
    return Ranker(
        revision=f"ranker-{digest}+{encoder_revision}",
        linear=np.array(data["linear"], dtype=np.float32),
        trees=tuple(data.get("trees") or ()),
        tree_weight=float(data.get("tree_weight", 0.0)),
        field_weights=_field_weights(data["field_weights"]),
        calibration=Calibration(**calibration) if calibration else None,
        without_words=_expectation(data["without_words"]),
        without_vectors=_expectation(data["without_vectors"]),
    )


def _weights_of(encoder_revision: str) -> str:
    """The revision without how its weights are stored: vectors of int8 and float weights are near enough."""
    return re.sub(r"\.(int8(-\d+)?|float32)$", "", encoder_revision)


def fusion_ranker(encoder_revision: str) -> Ranker:
    """The ranker that needs no file."""
    return Ranker(revision=f"{FUSION_REVISION}+{encoder_revision}")
