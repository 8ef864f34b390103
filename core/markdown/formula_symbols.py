"""Tables for writing LaTeX formulas in Unicode: symbols, small characters, letter styles. Pure."""

import unicodedata
from typing import Final

_NAMED: Final = """
times × div ÷ cdot · pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ otimes ⊗ odot ⊙ setminus ∖
degree ° amalg ⨿ le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ne ≠ neq ≠ ll ≪ gg ≫ approx ≈ sim ∼
simeq ≃ cong ≅ equiv ≡ propto ∝ doteq ≐ triangleq ≜ prec ≺ succ ≻ preceq ⪯ succeq ⪰ mid | parallel ∥
perp ⊥ nmid ∤ models ⊨ vdash ⊢ asymp ≍ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇
nsubseteq ⊈ subsetneq ⊊ cup ∪ cap ∩ emptyset ∅ varnothing ∅ sqcup ⊔ sqcap ⊓ uplus ⊎ forall ∀ exists
∃ nexists ∄ neg ¬ lnot ¬ land ∧ wedge ∧ lor ∨ vee ∨ top ⊤ bot ⊥ to → rightarrow → longrightarrow ⟶
leftarrow ← gets ← longleftarrow ⟵ leftrightarrow ↔ Rightarrow ⇒ implies ⟹ Longrightarrow ⟹
Leftarrow ⇐ impliedby ⟸ Leftrightarrow ⇔ iff ⟺ Longleftrightarrow ⟺ mapsto ↦ longmapsto ⟼ uparrow ↑
downarrow ↓ Uparrow ⇑ Downarrow ⇓ nearrow ↗ searrow ↘ rightleftharpoons ⇌ hookrightarrow ↪ leadsto ⇝
sum ∑ prod ∏ coprod ∐ int ∫ iint ∬ iiint ∭ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁
bigwedge ⋀ infty ∞ partial ∂ nabla ∇ hbar ℏ ell ℓ Re ℜ Im ℑ aleph ℵ wp ℘ imath ı jmath ȷ angle ∠
triangle △ square □ Box □ blacksquare ■ diamond ⋄ therefore ∴ because ∵ prime ′ dagger † ddagger ‡
checkmark ✓ surd √ flat ♭ sharp ♯ ldots … dots … dotsc … cdots ⋯ dotsb ⋯ vdots ⋮ ddots ⋱ colon :
langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lbrace { rbrace } lvert | rvert | vert | lVert ‖
rVert ‖ Vert ‖ | ‖ backslash \\ S § P ¶ copyright © pounds £ yen ¥ varepsilon ε epsilon ϵ vartheta ϑ
varphi φ phi ϕ varrho ϱ varsigma ς varpi ϖ varkappa ϰ digamma ϝ
"""
_OPERATORS: Final = """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup
ln log max min mod Pr sec sin sinh sup tan tanh bmod
"""
_TEXT_COMMANDS: Final = """
text textrm textbf textit texttt mathrm mathbf mathit mathsf mathtt operatorname boldsymbol bm pmb boxed
mbox hbox mathop mathbin mathrel mathord underbrace overbrace
"""
_LINE_ENVIRONMENTS: Final = "align aligned gather gathered equation split multline eqnarray"
_FRACTIONS: Final = "1/2 1/3 2/3 1/4 3/4 1/5 2/5 3/5 4/5 1/6 5/6 1/8 3/8 5/8 7/8"
_SPACES: Final = {",": " ", ":": " ", ";": " ", ">": " ", "!": "", " ": " ", "quad": "  ", "qquad": "    "}
_IGNORED: Final = """
left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle
scriptstyle limits nolimits nonumber notag middle mathstrut
"""
_GREEK: Final = """
alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon chi psi
omega
"""
_GREEK_CAPITALS: Final = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"


def _greek(name: str) -> str:
    size = "SMALL" if name.islower() else "CAPITAL"
    return unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")


_PAIRS: Final = _NAMED.split()
SYMBOLS: Final = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | {
    name: _greek(name) for name in f"{_GREEK} {_GREEK_CAPITALS}".split()
}
"""What a command without arguments is in Unicode."""

OPERATORS: Final = frozenset(_OPERATORS.split())  #: names that stay as words
SPACES: Final = _SPACES | dict.fromkeys(_IGNORED.split(), "")

ACCENTS: Final = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "bar": "\u0304",
    "overline": "\u0305",
    "underline": "\u0332",
    "vec": "\u20d7",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "dot": "\u0307",
    "ddot": "\u0308",
}
"""Combining characters that a command puts on each character of its argument."""

TEXT_COMMANDS: Final = frozenset(_TEXT_COMMANDS.split())
"""Commands of which only the argument is shown."""

FRACTIONS: Final = {"frac", "dfrac", "tfrac", "cfrac"}
LINE_ENVIRONMENTS: Final = frozenset(_LINE_ENVIRONMENTS.split())

VULGAR_FRACTIONS: Final = dict(zip(_FRACTIONS.split(), "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞", strict=True))

SUBSCRIPTS: Final = str.maketrans(
    "0123456789+-=()aehijklmnoprstuvxβγρφχ−", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ₋"
)
SUPERSCRIPTS: Final = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθφχ′∘°−",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᵠᵡ′°°⁻",
)

DOUBLE_STRUCK: Final = str.maketrans("CHNPQRZ", "ℂℍℕℙℚℝℤ")
SCRIPT: Final = str.maketrans("BEFHILMR", "ℬℰℱℋℐℒℳℛ")
