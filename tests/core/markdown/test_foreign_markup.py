"""HTML and LaTeX in the Markdown that models write."""

import pytest

from core.markdown.foreign_markup import remove_comments, to_plain_markdown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("one<br>two<BR/>three", "one\ntwo\nthree"),
        ("| a | b |\n|---|---|\n| one<br>two | x |", "| a | b |\n|---|---|\n| one · two | x |"),
        ("H<sub>2</sub>O, x<sup>2n</sup> and <u>this</u>", "H₂O, x²ⁿ and this"),
        ("<details><summary>More</summary>\ntext\n</details>", "More\ntext\n"),
        ("a <!-- hidden --> b <!--\n\ntwo\n--> c", "a  b  c"),
        ("`<br>` and ```` <sub>2</sub> ````", "`<br>` and ```` <sub>2</sub> ````"),
        ("```html\na<br>b <!-- c -->\n```\nd<br>e", "```html\na<br>b <!-- c -->\n```\nd\ne"),
        (r"Area $\pi r^2$, \(\frac{1}{2}\).", "Area π r², ½."),
        (r"Choose \(\binom{n}{k}\) of them", r"Choose `\binom{n}{k}` of them"),
        ("$$\n\\begin{pmatrix}\n1\n\\end{pmatrix}\n$$", "```\n\\begin{pmatrix}\n1\n\\end{pmatrix}\n```"),
        ("$5 and $10, $HOME/bin, \\$x\\$, US$", "$5 and $10, $HOME/bin, \\$x\\$, US$"),
        ("| $a \\mid b$ | x |\n|---|---|", "| a \\| b | x |\n|---|---|"),
        ("1 < 2, Vec<T>, a <b>c</b>, <https://x.y>", "1 < 2, Vec<T>, a <b>c</b>, <https://x.y>"),
        ("open <!-- and \\( and <sub>", "open <!-- and \\( and <sub>"),
    ],
)
def test_what_no_platform_shows_becomes_text(text: str, plain: str) -> None:
    """Closed tags, comments and formulas outside code are replaced; everything else stays (F30, F31)."""
    assert to_plain_markdown(text, complete=True) == plain


@pytest.mark.parametrize(
    "text",
    [
        r"a $x^2$ b \(\frac{1}{2}\) c H<sub>2</sub>O <!-- d --> e<br>f `$x$` g",
        "x <!-- a\n\nb --> y\n\n$$\na^2\n$$\nz",
        "```py\n$x^2$ <br>\n```\n| a<br>b | c |\n|---|---|\n| $x_1$ | d |\n",
        "open ` tick <br> and \\( bracket\n\nnext $y_1$",
    ],
)
def test_a_growing_text_is_only_appended_to(text: str) -> None:
    """What may still become markup is held back, so a stream never has to take anything back."""
    before = ""
    for end in range(len(text) + 1):
        shown = to_plain_markdown(text[:end], complete=False, append_only=True)
        assert shown.startswith(before)
        before = shown
    assert to_plain_markdown(text, complete=True).startswith(before)


def test_a_comment_is_hidden_while_it_is_open() -> None:
    """A comment over paragraphs is never seen; one that is never closed is text in the end."""
    assert remove_comments("a <!-- b\n\nc", complete=False) == "a "
    assert remove_comments("a <!-- b\n\nc --> d", complete=False) == "a  d"
    assert remove_comments("a <!-- b\n\nc", complete=True) == "a <!-- b\n\nc"
    assert remove_comments("`<!-- a -->`", complete=True) == "`<!-- a -->`"


def test_a_line_break_with_a_length_begins_no_formula() -> None:
    r"""``\\[2pt]`` within a formula is a line break of LaTeX; a second ``\[`` begins the formula anew."""
    source = "\\[\n\\frac{a}{b} \\\\[2pt]\nb_1\n\\]"
    assert to_plain_markdown(source, complete=True) != source
    assert to_plain_markdown("\\[ x \\[ y \\]", complete=True).startswith("\\[ x ")


def test_a_comment_that_is_opened_again_is_text_up_to_there() -> None:
    """A search that ran on from each opening would cost the square of their number (we chose this)."""
    assert remove_comments("a <!-- b <!-- c --> d", complete=True) == "a <!-- b  d"
