"""Which words ask for a person, and which only look like it."""

import pytest

from core.handoff.request_phrases import asks_for_human, is_same_question


@pytest.mark.parametrize(
    "text",
    [
        "talk to a human",
        "Can I speak with a real person please?",
        "I want to talk to someone!",
        "Please connect me to an agent",
        "human please",
        "I need a human.",
        "转人工",
        "我要人工客服",
        "请帮我转接一下客服",
        "找真人",
        "能不能和真人聊？",
        "人工",
    ],
)
def test_these_words_ask_for_a_person(text: str) -> None:
    """Plain words in both languages are understood."""
    assert asks_for_human(text)


@pytest.mark.parametrize(
    "text",
    [
        "轉人工",
        "麻煩幫我轉真人",
        "叫你们客服来",
        "我想找客服",
        "有客服吗",
        "客服在吗",
        "connect me to a supervisor",
        "escalate this to a manager please",
        "I don't want to talk to a bot, connect me to a human",
        "no bot please, get me a human",
        "get me your manager",
        "can a real person answer?",
        "我不想跟机器人聊，转人工",
        "叫你们经理来",
        "叫个人来",
        "真人在吗？",
        "幫我找專員",
        "我想同真人傾",
        "Quiero un humano",
        "Je veux un conseiller",
        "Ich brauche einen echten Menschen",
        "нужен оператор",
        "人と話したい",
        "사람이랑 얘기하고 싶어요",
        "ik wil een medewerker spreken",
        "chcę porozmawiać z człowiekiem",
        "let me speak with your team",
        "I need customer support",
        "is anyone real? any human available?",
        "Put me through to a manager",
        "Quiero hablar con un agente",
        "Queria falar com um atendente",
        "Je voudrais parler avec quelqu'un",
        "Ich will mit einem Menschen reden",
        "Соедините меня с оператором",
        "担当者につないでください",
        "직원 연결해 주세요",
        "cho tôi gặp nhân viên",
        "bisa bicara dengan orang?",
        "أريد التواصل مع خدمة العملاء",
    ],
)
def test_other_wordings_and_languages_ask_for_a_person(text: str) -> None:
    """Traditional characters, roles other than "human", and the usual words of other languages."""
    assert asks_for_human(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is your customer service phone number?",
        "客服电话多少",
        "转人工费多少",
        "How do I get manager permissions?",
        "How can I transfer to someone at another bank?",
        "I don't want a bot, and I don't want a human either",
        "叫个人来取货",
        "人工审核要多久",
        "müşteri temsilcisi numarası nedir",
        "客服几点下班",
        "I need an agent visa",
        "I want a person to sign for the parcel",
        "Your session was unable to start. Please contact support.",
        "I already spoke with an agent and he said no",
        "Can I transfer money to someone else?",
        "有人能收到货吗",
        "Ich habe gestern mit dem Mitarbeiter telefoniert",
        "Do you have a human resources department?",
        "I don't want to talk to a human",
        "What are human rights?",
        "How do agents work in your API?",
        "I need a person who speaks French",
        "Can I talk to someone about the invoice and also " + "explain everything " * 15,
        "人工智能是什么？",
        "人工费怎么算？",
        "不要转人工",
        "人工客服怎么收费是什么意思",
        "",
    ],
)
def test_these_words_ask_for_none(text: str) -> None:
    """Questions about people, refusals and long messages are no such wish."""
    assert not asks_for_human(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I get my refund?", "how do I get my refund", True),
        ("怎么退款呢？", "怎么退款呢", True),
        ("How do I get my refund?", "How do I get my invoice?", False),
        ("ok", "ok", False),
    ],
)
def test_a_question_that_comes_again_is_known(one: str, other: str, same: bool) -> None:
    """Marks and letter case do not matter; words do, and very short ones never count."""
    assert is_same_question(one, other) is same
