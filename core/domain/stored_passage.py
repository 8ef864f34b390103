"""A passage of a document as it is stored and found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassage:
    """One stored passage."""

    uid: str
    label: str  #: path of headings
    heading: str
    text: str
    url: str
    document: str = ""  #: name of its document; "" until it is stored
    aliases: str = ""  #: other wordings by which it is found, one a line
    added_aliases: str = ""  #: the same, taken from gaps; they outlive a new version of the document

    @property
    def all_aliases(self) -> str:
        """Every other wording by which the passage is found, one a line."""
        return f"{self.aliases}\n{self.added_aliases}".strip()
