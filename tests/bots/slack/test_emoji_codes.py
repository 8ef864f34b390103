"""Slack's emoji codes as characters."""

import pytest
from telegram.constants import ReactionEmoji

from bots.slack.emoji_codes import emoji_of, names_of, replace_codes
from bots.slack.incoming_markdown import to_markdown


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Thanks :smile: :+1::skin-tone-2:", "Thanks 😄 👍🏻"),
        (":slightly_smiling_face::tada::joy:", "🙂🎉😂"),
        (
            ":flag-de: :us: :flag-england:",
            "🇩🇪 🇺🇸 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
        (":man-shrugging::skin-tone-3: :female-doctor:", "🤷🏼\u200d♂️ 👩\u200d⚕️"),
        (":point_up::skin-tone-5:", "☝🏾"),
        (":man-woman-girl-boy: :woman-heart-man:", "👨\u200d👩\u200d👧\u200d👦 👩\u200d❤️\u200d👨"),
        (":man_and_woman_holding_hands::skin-tone-2-4:", "👫🏻"),
        (":partyparrot: :our-logo:", ":partyparrot: :our-logo:"),
        ("10:30:45 and a:b:c", "10:30:45 and a:b:c"),
        ("::", "::"),
        (":flag-x: :flag-12:", ":flag-x: :flag-12:"),
    ],
)
def test_codes_become_characters(text: str, read: str) -> None:
    """Skin tones, flags, families and Slack's own names too; a workspace's own emoji stays a code."""
    assert replace_codes(text) == read


def test_code_and_addresses_are_kept_as_typed() -> None:
    """A colon in a program or in an address is no emoji."""
    text = "`:smile:` ```a :tada: b``` <https://x.test/:tada:/a> :tada:"
    assert to_markdown(text, names={}) == "`:smile:` ```a :tada: b``` https://x.test/:tada:/a 🎉"


@pytest.mark.parametrize("name", ["+1", "heart", "hankey", "thumbsup", "eyes", "white_check_mark", "pray"])
def test_a_reaction_is_a_name_without_colons(name: str) -> None:
    """The platform says: ``reaction_added`` carries the name alone, with ``::skin-tone-2`` behind it."""
    assert emoji_of(name)
    assert emoji_of("nosuchthing") == ""
    assert emoji_of("+1::skin-tone-6") == "👍🏿"


def test_every_reaction_of_telegram_has_a_name_on_slack() -> None:
    """Names are read back as the same emoji; the sexes of people are written Slack's way as well."""
    for one in ReactionEmoji:
        assert {emoji_of(name).replace("\ufe0f", "") for name in names_of(one.value)} == {
            one.value.replace("\ufe0f", "")
        }
    assert "male-technologist" in names_of("👨\u200d💻")
    assert names_of("👍🏽") == names_of("👍")
    assert names_of("x") == []
