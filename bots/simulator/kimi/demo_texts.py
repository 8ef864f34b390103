"""The words of the demo's script, in both languages. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything the script says in one language; braces are filled in by the script."""

    who: str  #: says plainly what is speaking; first answer of a conversation
    again: str  #: opening of every further answer, with {turns}
    quote: str  #: {question}
    offer: str
    thinking: str  #: {question}, {turns}
    first: str  #: {text}
    before: str  #: {text}
    name: str  #: {name}
    no_name: str
    nothing: str
    count: str  #: {turns}
    code: str
    table: str
    items: str
    breaking: str
    files: str  #: {names}
    asides: tuple[str, ...]


ENGLISH = Words(
    who=(
        "I am a **scripted stand-in**, not Kimi: set `KIMI_API_KEY` and start the demo again to talk "
        "to the real model."
    ),
    again="I was sent {turns} of yours from earlier in this thread.",
    quote="You wrote:\n\n> {question}",
    offer=(
        "Ask me for `code`, a `table`, a `list` or something `long`; ask *what did I say first?*, or "
        "tell me *my name is …* and ask for it later. Say *break* to see a stream that is cut and goes on."
    ),
    thinking="The person asks: {question} I see {turns} before this one, so I follow my script.",
    first="The first thing you said to me here was:\n\n> {text}",
    before="Just before this you said:\n\n> {text}",
    name="Your name is **{name}**: you told me earlier in this thread.",
    no_name="You have not told me your name in this thread. Try *my name is …* first.",
    nothing="Nothing yet: this is the first message of yours that I was sent.",
    count="I was sent {turns} of yours from before this one.",
    code=(
        "Here is a function that counts words, and how to call it:\n\n"
        "```python\n"
        "from collections import Counter\n\n\n"
        "def count_words(text: str) -> Counter[str]:\n"
        '    """Return how often each word occurs, upper and lower case alike."""\n'
        "    words = (word.strip('.,!?').lower() for word in text.split())\n"
        "    return Counter(word for word in words if word)\n\n\n"
        'counts = count_words("To be, or not to be: that is the question.")\n'
        "print(counts.most_common(3))\n"
        "```\n\n"
        "`Counter` is a `dict`, so `counts['be']` is `2`, and a word that never came is `0`."
    ),
    table=(
        "The four tallest mountains, by height above the sea:\n\n"
        "| Mountain | Height | First climbed |\n"
        "| --- | ---: | :---: |\n"
        "| Everest | 8,849 m | 1953 |\n"
        "| K2 | 8,611 m | 1954 |\n"
        "| Kangchenjunga | 8,586 m | 1955 |\n"
        "| Lhotse | 8,516 m | 1956 |\n\n"
        "Each was climbed within **four years** of the first."
    ),
    items=(
        "A way to make tea:\n\n"
        "1. Boil fresh water.\n"
        "2. Warm the pot:\n"
        "   - pour in a little water,\n"
        "   - swing it round,\n"
        "   - pour it out.\n"
        "3. Add one spoon of leaves for each cup.\n"
        "4. Wait **three minutes**, not ~~ten~~.\n\n"
        "More in the [article on tea](https://en.wikipedia.org/wiki/Tea)."
    ),
    breaking=(
        "This stream is cut in the middle, after a few words, as happens on bad days. What you see "
        "now was asked for a second time, from exactly the place where the first one stopped: no word "
        "is missing, and none stands here twice."
    ),
    files="I was also sent {names}.",
    asides=(
        "My answers come in words, at eight to forty a second, so that you can watch one message grow.",
        "I remember nothing myself. Every request carries the whole thread, and I look at what is in it.",
        "Write again while I speak, and your question waits its turn; `/stop` ends me in the middle.",
    ),
)

CHINESE = Words(
    who="我是一个**按脚本回答的替身**,不是 Kimi。设置 `KIMI_API_KEY` 后重新启动演示,就能和真正的模型对话。",
    again="在这个话题里,我收到了你之前的 {turns}。",
    quote="你写的是:\n\n> {question}",
    offer=(
        "可以让我给出`代码`、`表格`、`列表`或`长`一点的回答;可以问*我第一句说了什么?*,也可以先说*我叫……*,"
        "过会儿再问我。说*断线*,就能看到一个中途断开又接上的回答。"
    ),
    thinking="对方问的是:{question} 在此之前有 {turns},按脚本回答即可。",
    first="你在这里对我说的第一句话是:\n\n> {text}",
    before="在这之前你说的是:\n\n> {text}",
    name="你叫**{name}**,之前在这个话题里告诉过我。",
    no_name="你还没有在这个话题里告诉我你的名字。先说*我叫……*试试。",
    nothing="还没有:这是我收到的你的第一条消息。",
    count="在这条之前,我收到了你的 {turns}。",
    code=(
        "下面是一个统计词频的函数和它的用法:\n\n"
        "```python\n"
        "from collections import Counter\n\n\n"
        "def count_chars(text: str) -> Counter[str]:\n"
        '    """返回每个汉字出现的次数。"""\n'
        "    return Counter(char for char in text if '一' <= char <= '鿿')\n\n\n"
        'counts = count_chars("床前明月光,疑是地上霜。举头望明月,低头思故乡。")\n'
        "print(counts.most_common(3))\n"
        "```\n\n"
        "`Counter` 就是一个 `dict`:`counts['月']` 是 `2`,没有出现过的字是 `0`。"
    ),
    table=(
        "世界上最高的四座山:\n\n"
        "| 山峰 | 海拔 | 首次登顶 |\n"
        "| --- | ---: | :---: |\n"
        "| 珠穆朗玛峰 | 8,849 米 | 1953 |\n"
        "| 乔戈里峰 | 8,611 米 | 1954 |\n"
        "| 干城章嘉峰 | 8,586 米 | 1955 |\n"
        "| 洛子峰 | 8,516 米 | 1956 |\n\n"
        "四座山的首次登顶都在**四年之内**。"
    ),
    items=(
        "泡茶的步骤:\n\n"
        "1. 烧一壶新鲜的水。\n"
        "2. 温壶:\n"
        "   - 倒入少许热水,\n"
        "   - 转一转,\n"
        "   - 倒掉。\n"
        "3. 每杯放一勺茶叶。\n"
        "4. 等**三分钟**,不是~~十分钟~~。\n\n"
        "更多内容见[茶](https://zh.wikipedia.org/wiki/茶)。"
    ),
    breaking=(
        "这个回答会在中途断开,网络不好的时候就会这样。你现在看到的后半段是第二次请求得到的,"
        "正好从第一次停下的地方继续:一个字都没有少,也没有一个字出现两次。"
    ),
    files="我还收到了 {names}。",
    asides=(
        "我的回答按词发出,每秒八到四十个,你可以看着一条消息慢慢变长。",
        "我自己什么都不记得。每次请求都带着整个话题,我只是看看里面有什么。",
        "我还在说话时你可以继续写,你的问题会排队等候;`/stop` 可以让我中途停下。",
    ),
)

_PHASES = (
    ("New moon", "新月"),
    ("Waxing crescent", "蛾眉月"),
    ("First quarter", "上弦月"),
    ("Waxing gibbous", "盈凸月"),
    ("Full moon", "满月"),
    ("Waning gibbous", "亏凸月"),
    ("Last quarter", "下弦月"),
    ("Waning crescent", "残月"),
)
_NOTES = (
    (
        "Look along the border of light and shadow: craters stand out there, because the sun is low.",
        "沿着明暗交界线看,那里太阳很低,环形山最清楚。",
    ),
    (
        "The dark plains are old lava. Galileo took them for seas, and the name has stayed.",
        "暗色的平原是古老的熔岩,伽利略以为那是海,名字就这样留了下来。",
    ),
    (
        "On the dark part you may see a faint glow: sunlight that the earth has thrown there.",
        "暗面上也许能看到微弱的光,那是地球反射过去的阳光。",
    ),
    (
        "The moon moves its own width to the east every hour, so compare it with a star near by.",
        "月亮每小时向东移动约一个月面的宽度,可以拿旁边的一颗星来比较。",
    ),
    (
        "Tides follow it: sun and moon in line make the high water higher and the low water lower.",
        "潮汐随它而动:日月成一线时,高潮更高,低潮更低。",
    ),
    (
        "Binoculars of ten times show more than one would think; lean on a wall to keep them still.",
        "十倍的双筒镜看到的比想象的多,靠着墙能拿得更稳。",
    ),
    (
        "It always shows the same face, because it turns once on each way round the earth.",
        "它总以同一面对着我们,因为它绕地球一圈的同时也自转一圈。",
    ),
)
_MONTH_DAYS = 29.53


def moon_month(*, chinese: bool, days: int = 30) -> str:
    """Return a long answer, one section for each day of the moon's month."""
    title = "# 月亮的一个月,一天一天看" if chinese else "# A month of the moon, day by day"
    return "\n\n".join([title, *(_moon_day(day, chinese=chinese) for day in range(days))])


def _moon_day(day: int, *, chinese: bool) -> str:
    turn = day / _MONTH_DAYS
    lit = round(50 * (1 - math.cos(2 * math.pi * turn)))
    phase = _PHASES[round(turn * 8) % 8][chinese]
    note = _NOTES[day % len(_NOTES)][chinese]
    minutes = 6 * 60 + round(day * 50.5)
    rises = f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
    if chinese:
        return f"## 第 {day + 1} 天:{phase}\n\n亮面约 **{lit}%**,大约 {rises} 升起。{note}"
    return f"## Day {day + 1}: {phase}\n\nAbout **{lit}%** is lit, and it rises near {rises}. {note}"
