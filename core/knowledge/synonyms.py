"""Synonyms of shops and software; all words of a line are synonyms of each other.

Words of a team's own trade belong in its documents, in a heading, a sentence or ``<!-- also: … -->``.
"""

from collections.abc import Mapping
from functools import cache

from core.knowledge.tokenizer import stem

_ENGLISH = """
refund reimburse
cancel terminate stop unsubscribe quit end
price cost fee charge expensive cheap
pay payment paid
invoice bill receipt
discount coupon voucher cheaper deal special
ship deliver send dispatch post
broken damaged cracked faulty
delete remove erase
account profile
login logged
register signup join
phone mobile telephone smartphone
change edit modify update switch
colleague coworker teammate coworkers staff people
invite add
admin administrator
permission role right access
attach attachment upload file document
limit max maximum quota
slow lag load loading sluggish
error problem issue bug fail failure declined
outage down incident
restore recover undelete back
export download
import migrate
notification alert notify
reminder remind
recurring repeat every again
shortcut hotkey
search find look
2fa authenticator factor code
key token
store storage host server located
nonprofit charity charities
school university student college
year yearly annual annually
month monthly
customer client guest
photo picture image screenshot
deadline due
automatic automation automatically automate rule
print paper printer
private hidden
internet connection offline network
fast quick soon
bright dark theme
computer laptop desktop
company business organisation organization firm
owner founder boss
leave left quit
new latest newest
lost lose missing
wrong incorrect mistake
ubuntu linux
eu europe european
german german germany
"""
_CHINESE = """
退款 退钱 退费 钱
退货 退回 退 退掉
换货 调换 寄错 发错
取消 撤销 不要 不想
快递 物流 包裹 配送
运费 邮费 邮资 包邮 免邮 免邮费
寄 发货 寄出 发出 邮寄 送货 发
到账 到卡 退到
丢 丢失 丢件 不见
碎 碎了 破损 损坏 坏 坏了 压坏 裂
发票 开票
优惠券 券 代金券 红包
打折 折扣 优惠 便宜 折
价格 价钱 费用 元 贵
付款 支付 付钱 买单 结账
地址 位置 哪儿 哪里 在哪
营业 开门 上班 关门 下班 营业时间 几点
客服 人工
投诉 举报 差评
账号 帐号 账户
注销 删除 删掉 删
登录 登陆 登入 登录不上
修改 更改 改
错 错误 填错 写错
积分 点数
福利 礼 礼物 优惠
送礼 礼品 礼物 伴手礼 送人 礼盒
公司 企业 单位
批发 大量 团购
保修 维修 修理 修
过期 保质期 有效期 过了期限
保存 存放 储存 存
孕妇 怀孕
小孩 孩子 儿童 宝宝 小朋友
老人 长辈 爷爷奶奶 爷爷 奶奶 父母 爸妈 老人家 妈
失眠 睡不着 睡眠 睡
推荐 介绍 建议
新手 入门 初学 第一次
课 课程 学
区别 不同 差别 分别
国外 海外 境外 国际 东京 日本
停止 停掉 停 不续
降价 差价 差额
尝 试喝 试 品尝
自取 自提 自己去
香港 澳门 台湾
农药 农残
胃 肠胃
度 水温 温度
泡 冲泡 冲 沏
电话 手机号 号码
logo 标志
"""
SYNONYM_WEIGHT = 0.8  #: of a synonym's match, relative to a match of the word itself


@cache
def _synonym_table() -> Mapping[str, frozenset[str]]:
    known: dict[str, frozenset[str]] = {}
    for line in f"{_ENGLISH}{_CHINESE}".split("\n"):
        words = frozenset(stem(word) for word in line.split())
        for word in words:
            known[word] = known.get(word, frozenset()) | (words - {word})
    return known


def synonyms_of(term: str) -> frozenset[str]:
    """Return a term's synonyms; most terms have none."""
    return _synonym_table().get(term, frozenset())
