"""What the demo's people have said in #random before a visitor comes: something for a digest to sum up."""

from typing import Final

CHANNEL: Final = "random"
TALK: Final = (
    ("Alice", "The spring oolong arrived, 12 kg. It smells better than last year's."),
    ("Lin", "Great. We should put it on the site before Friday, the newsletter goes out then."),
    ("Alice", "I can write the text by Thursday noon. Who takes the photos?"),
    ("小明", "照片我来拍，周三下午光线好。"),
    ("Lin", "Perfect. Price: 18 euros for 50 g, as we said on Monday?"),
    ("Alice", "I would say 19. The freight was dearer this time."),
    ("小明", "同意 19 欧元。"),
    ("Lin", "Then 19 it is. And the old stock?"),
    ("Alice", "Three boxes left. Shall we give them to the café next door?"),
    ("Lin", "Let me ask Marta whether she wants them, I will tell you tomorrow."),
    ("小明", "顺便问一下：周五谁值班？我要去看牙医。"),
    ("Alice", "I can stay until 5."),
)
"""Messages as (name, words), oldest first."""
