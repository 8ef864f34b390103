"""LaTeX formulas in Unicode."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.markdown.formula_text import formula_to_text, is_formula

PIECES = [*"{}^_x2&'-字\\", r"\frac", r"\sqrt", r"\alpha", r"\text{ab}", r"\left(", r"\begin{align}"]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (r"\( A_{\triangle} = \frac{\sqrt{3}}{4} s^2 \)", "A_△ = √3/4 s²"),
        (r"\[ x = \frac{-b \pm \sqrt{b^2-4ac}}{2a} \]", "x = (−b ± √(b²−4ac))/(2a)"),
        (r"$A \rightarrow B$", "A → B"),
        (r"$\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$", "∑ᵢ₌₁ⁿ i = (n(n+1))/2"),
        (r"$e^{i\pi} + 1 = 0$", "e^(iπ) + 1 = 0"),
        (r"$x\frac{1}{2}$", "x½"),
        (r"$2\sin\theta\cos\theta$", "2 sin θ cos θ"),
        (r"$\sqrt[3]{x+1}$", "∛(x+1)"),
        (r"$\mathbb{R}^n$", "ℝⁿ"),
        (r"$50\%$ ", "50%"),
        (r"$$\begin{aligned} a &= b \\ c &= d \end{aligned}$$", "a = b\nc = d"),
        (r"\[ \text{速度} = \frac{\text{距离}}{t} \]", "速度 = 距离/t"),
        (r"$\boxed{42}$", "42"),
        (r"$f'(x) \le 10^{-3}$", "f′(x) ≤ 10⁻³"),
    ],
)
def test_a_simple_formula_is_one_line_of_text(formula: str, text: str) -> None:
    """Fractions, roots, powers, indices and symbols have Unicode forms (F30)."""
    assert formula_to_text(formula) == text


@pytest.mark.parametrize(
    "formula",
    [
        r"$\begin{pmatrix}1&2\end{pmatrix}$",
        r"$\binom{n}{k}$",
        r"$\ce{H2O}$",
        r"$\frac{1}{$",
        r"$x^$",
        r"$a}b$",
        "$" + "{" * 50 + "$",
        r"$\frac" + r"{\frac" * 30 + "$",
        "$$$$",
    ],
)
def test_a_formula_without_a_text_form_is_left_alone(formula: str) -> None:
    """Half a formula would be wrong: matrices, unknown commands and broken braces are not converted."""
    assert formula_to_text(formula) is None


@pytest.mark.parametrize("formula", ["$x$", "$x^2$", r"$\pi$", "$f(x)$", r"\(n\)", r"\[ a = b \]", "$a, b$"])
def test_formulas_are_recognised(formula: str) -> None:
    """A command, an index, a relation or a short name makes a formula."""
    assert is_formula(formula)


@pytest.mark.parametrize(
    "text", ["$HOME$", "$MY_VAR$", "$US dollars$", r"\[link\]", r"\[see below\]", "$x*y*z$"]
)
def test_what_is_no_formula_is_recognised(text: str) -> None:
    """Shell variables, prices and escaped brackets stay as they are."""
    assert not is_formula(text)


@given(st.lists(st.sampled_from(PIECES)))
@settings(max_examples=80)
def test_any_formula_is_converted_or_not(pieces: list[str]) -> None:
    """No input raises, and no result is longer than its source."""
    formula = f"${''.join(pieces)}$"
    text = formula_to_text(formula)
    assert text is None or 0 < len(text) <= len(formula)
