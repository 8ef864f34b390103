"""Characters of Slack's emoji codes, such as ``:+1::skin-tone-3:``. Pure.

Slack delivers every emoji as a code, also those that people typed as characters. Its names are those of
https://github.com/iamcal/emoji-data. The package ``emoji`` knows most of them; the rules and the table here
give the rest. A workspace's own emoji has no character and stays a code.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import emoji

_CODE = re.compile(r"(?<![A-Za-z0-9_]):(?P<name>[a-z0-9_+'-]+):(?::skin-tone-(?P<tone>[2-6])(?:-[2-6])?:)?")
_NAME = re.compile(r"[a-z0-9+'-][a-z0-9_+'-]*")
_TONES: Final = {str(number): chr(0x1F3F9 + number) for number in range(2, 7)}
_EMOJI_STYLE: Final = "\ufe0f"
_JOINER: Final = "\u200d"
_FAMILY: Final = {"man": "👨", "woman": "👩", "boy": "👦", "girl": "👧", "heart": "❤️", "kiss": "❤️‍💋"}
_SEXES: Final = {"male": "man", "female": "woman"}
_REGIONS: Final = {"england": "gbeng", "scotland": "gbsct", "wales": "gbwls"}
#: Names that the package does not know, or gives to another emoji.
_NAMES: Final = {
    "mostly_sunny": "🌤️",
    "sun_small_cloud": "🌤️",
    "barely_sunny": "🌥️",
    "sun_behind_cloud": "🌥️",
    "partly_sunny_rain": "🌦️",
    "rain_cloud": "🌧️",
    "snow_cloud": "🌨️",
    "lightning": "🌩️",
    "lightning_cloud": "🌩️",
    "tornado_cloud": "🌪️",
    "umbrella": "☂️",
    "snowman": "☃️",
    "keycap_star": "*️⃣",
    "eject": "⏏️",
    "email": "✉️",
    "medal": "🎖️",
    "first_place_medal": "🥇",
    "second_place_medal": "🥈",
    "third_place_medal": "🥉",
    "staff_of_aesculapius": "⚕️",
    "satellite": "🛰️",
    "scooter": "🛴",
    "octagonal_sign": "🛑",
    "shopping_trolley": "🛒",
    "knife_fork_plate": "🍽️",
    "egg": "🥚",
    "kiwifruit": "🥝",
    "mate_drink": "🧉",
    "drum_with_drumsticks": "🥁",
    "womans_flat_shoe": "🥿",
    "ladybug": "🐞",
    "beetle": "🪲",
    "giraffe_face": "🦒",
    "zebra_face": "🦓",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "large_green_circle": "🟢",
    "large_purple_circle": "🟣",
    "large_brown_circle": "🟤",
    "large_red_square": "🟥",
    "large_blue_square": "🟦",
    "large_orange_square": "🟧",
    "large_yellow_square": "🟨",
    "large_green_square": "🟩",
    "large_purple_square": "🟪",
    "large_brown_square": "🟫",
    "the_horns": "🤘",
    "hand_with_index_and_middle_fingers_crossed": "🤞",
    "i_love_you_hand_sign": "🤟",
    "spock-hand": "🖖",
    "face_with_cowboy_hat": "🤠",
    "face_palm": "🤦",
    "face_with_one_eyebrow_raised": "🤨",
    "grinning_face_with_star_eyes": "🤩",
    "grinning_face_with_one_large_and_one_small_eye": "🤪",
    "face_with_finger_covering_closed_lips": "🤫",
    "serious_face_with_symbols_covering_mouth": "🤬",
    "smiling_face_with_smiling_eyes_and_hand_covering_mouth": "🤭",
    "face_with_open_mouth_vomiting": "🤮",
    "shocked_face_with_exploding_head": "🤯",
    "smiling_face_with_3_hearts": "🥰",
    "mother_christmas": "🤶",
    "person_doing_cartwheel": "🤸",
    "juggling": "🤹",
    "fencer": "🤺",
    "wrestlers": "🤼",
    "woman-wrestling": "🤼\u200d♀️",
    "man-wrestling": "🤼\u200d♂️",
    "handball": "🤾",
    "person_with_headscarf": "🧕",
    "red_haired_person": "🧑\u200d🦰",
    "curly_haired_person": "🧑\u200d🦱",
    "bald_person": "🧑\u200d🦲",
    "white_haired_person": "🧑\u200d🦳",
    "woman_with_beard": "🧔\u200d♀️",
    "man_with_beard": "🧔\u200d♂️",
    "bride_with_veil": "👰",
    "man_with_turban": "👳",
    "male-doctor": "👨\u200d⚕️",
    "female-doctor": "👩\u200d⚕️",
    "guardsman": "💂",
    "ok_woman": "🙆",
    "man_and_woman_holding_hands": "👫",
    "women-with-bunny-ears-partying": "👯\u200d♀️",
    "woman-with-bunny-ears-partying": "👯\u200d♀️",
    "men-with-bunny-ears-partying": "👯\u200d♂️",
    "man-with-bunny-ears-partying": "👯\u200d♂️",
}


def replace_codes(text: str) -> str:
    """Return a text with the characters of its emoji codes; codes without a character stay."""
    return _CODE.sub(_replacement, text) if ":" in text else text


def emoji_of(name: str) -> str:
    """Return the character of a name such as "+1" or "+1::skin-tone-3"; "" if there is none."""
    base, _, tone = name.partition("::skin-tone-")
    character = _character(base)
    return _with_tone(character, tone[:1]) if character and tone else character


def _replacement(found: re.Match[str]) -> str:
    character = _character(found["name"])
    if not character:
        return found[0]
    return _with_tone(character, found["tone"]) if found["tone"] else character


def _with_tone(character: str, tone: str) -> str:
    """Return an emoji in a skin tone, which stands behind its first character."""
    return f"{character[0]}{_TONES.get(tone, '')}{character[1:].removeprefix(_EMOJI_STYLE)}"


@lru_cache(maxsize=4096)
def _character(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    kind, _, rest = name.partition("-")
    if kind == "flag" and rest:
        return _flag(rest)
    if kind == "skin" and rest.startswith("tone-"):
        return _TONES.get(rest[-1:], "")
    if kind in ("man", "woman") and all(part in _FAMILY for part in rest.split("-")):
        return _JOINER.join(_FAMILY[part] for part in name.split("-"))
    plain = name.replace("-", "_")
    kind, _, rest = plain.partition("_")
    candidates = (plain, f"{_SEXES[kind]}_{rest}") if kind in _SEXES else (plain,)
    for candidate in candidates:
        code = f":{candidate}:"
        if (found := emoji.emojize(code, language="alias")) != code:
            return found
    return ""


def _flag(region: str) -> str:
    """Return the flag of a country by its code of two letters, or of a part of Britain."""
    if region in _REGIONS:
        tags = "".join(chr(0xE0000 + ord(letter)) for letter in _REGIONS[region])
        return f"🏴{tags}\U000e007f"
    if not re.fullmatch("[a-z]{2}", region):
        return ""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in region)


def names_of(character: str) -> Sequence[str]:
    """Return the names that Slack may have for an emoji, without its skin tone, the likeliest first."""
    plain = "".join(char for char in character if char not in _TONES.values())
    own = [name for name, shown in _NAMES.items() if _is_same(shown, plain)]
    data = emoji.EMOJI_DATA.get(plain) or emoji.EMOJI_DATA.get(plain + _EMOJI_STYLE) or {}
    codes = [*data.get("alias", ()), data.get("en", "")]
    names = [code.strip(":") for code in codes if isinstance(code, str)]
    dashed = [name.replace("_", "-") for name in names]
    sexed = [
        f"{sex}-{name.removeprefix(f'{word}-')}"
        for name in dashed
        for sex, word in _SEXES.items()
        if name.startswith(f"{word}-")
    ]
    candidates = dict.fromkeys([*own, *names, *sexed, *dashed])
    return [one for one in candidates if _NAME.fullmatch(one) and _is_same(emoji_of(one), plain)]


def _is_same(one: str, other: str) -> bool:
    return one.replace(_EMOJI_STYLE, "") == other.replace(_EMOJI_STYLE, "")
