"""Words without information for search: stopwords, everyday words, and numbers written as words."""

_ENGLISH = """
a about after again all also am an and any anybody anyone anything are as at be because been before
being but by can cannot cant could did didn do does doesn doing don done for from get gets getting give
go goes going good got had has hasn have haven having he hello help her here hey hi him his how i if im
in into is isn it its just know let like ll make makes many may me might mine much must my need needs no
not now of off ok okay on one or other our out over please possible really say see shall she should show
so some somebody someone something stuff such tell than thank thanks that the their them then there
these they thing things this those to too up us use used using ve very want wanted wants was wasn way we
well were what when where which while who whom whose why will with won would wouldn yes yet you your
yours guys question questions anymore still actually maybe able today tomorrow yesterday tonight time
around next away best great nice thought think find wonder wondering quite first old person people
happen happens happened put made right
"""
_CHINESE = """
的 了 吗 呢 吧 啊 呀 哦 嗯 哈 嘛 啦 么 我 你 您 他 她 它 我们 你们 您们 他们 咱 咱们 自己 大家 这 那
这个 那个 这些 那些 哪 哪个 哪些 什么 啥 怎么 怎样 怎么样 怎么办 咋 咋办 如何 为什么 为啥 可以 可不可以
能 能不能 能否 会 会不会 要 要不要 想 请 请问 麻烦 一下 有 有没有 没有 没 是 是不是 不是 不 别 就 都 也
还 还是 又 再 很 太 真 和 与 跟 或 或者 而 但 但是 因为 所以 如果 的话 在 从 到 把 被 给 让 对 对于 关于
为 于 以 及 等 里 上 下 中 个 些 种 次 一 一个 一些 两 几 多 多少 知道 觉得 现在 已经 可 用 来 去 做 弄
搞 说 看 好 行 得 着 过 地 今天 昨天 明天 现 刚 刚才 刚刚 昨 这样 那样 一下子 才 才能 不会 时 何时
什么时候 哪一年 今年 帮 帮我 给我 买 卖 喝 呗 不行 发现 店里 家 你家 你们家 之 其 其他 东西 问题 时候
根本 一直 比较 应该 需要 谢谢 你好 您好
"""
_COMMON_ENGLISH = """
day days week weeks hour hours minute minutes life world man men woman women child children part place case
point fact number numbers group system program work works working run runs running start starts started
begin begins end ends turn turns play plays playing move live lives living believe hold bring brings write
writes written wrote provide sit stand meet include continue set learn learning lead understand watch follow
speak read reads allow spend grow open walk win won wins offer remember love consider appear buy buying
wait serve die expect build stay fall reach kill remain suggest raise pass sell selling require report decide
pull mean means meaning keep keeps leave leaves call calls try tries ask asks seem feel become big small large
long short high low little important different same few public bad early late young last full easy clear
recent certain hard fast real close closed morning night evening home house room water car name names word
words side kind head hand eye face friend father mother money story book books game games city country state
family level apply applies applying support supports supported recommend choose choose check
company people between during without
"""
_COMMON_CHINESE = """
申请 支持 推荐 学 学习 学好 怎么做 开始 结束 使用 进行 时间 工作 生活 孩子 每天 每年 一年 天 年 人 事
事情 地方 办法 方法 情况 朋友 家里 电脑 手机 水 吃 打 写 找 订 带 拿 放 走 住 坐 听 读 讲 教 支 张 本 部
点 号 大 小 多久 长 快 慢 高 低 早 晚 早上 晚上 下午 上午 中午 老 新 收到 喜欢 担心 方便 简单 直接 一般
通常 左右 大概 每次 三天 几天 最 最好 最近 以后 之后 之前 以前 还有 有人 别人 服务 介绍 提供 客户 老客户
算 帮忙 帮助 告诉 联系
"""
ENGLISH_STOPWORDS = frozenset(_ENGLISH.split())
CHINESE_STOPWORDS = frozenset(_CHINESE.split())
COMMON_WORDS = frozenset(f"{_COMMON_ENGLISH}{_COMMON_CHINESE}".split())
"""Everyday words: they weigh little even if a small set of documents happens to use one rarely."""

_NUMBER_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
NUMBER_WORDS = {name: str(number) for number, name in enumerate(_NUMBER_NAMES.split()) if number > 2} | {
    "thirty": "30",
    "fifty": "50",
    "ninety": "90",
    "hundred": "100",
}
"""Digits by number word, from three on: "one" and "two" are rarely quantities."""
