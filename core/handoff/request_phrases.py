"""Recognition of requests for a person, and of repeated questions. Pure.

Chinese and English in many wordings, a dozen other languages in their usual ones.

Precision comes first: questions about people ("do you have human resources?", "人工智能是什么") and refusals
("I don't want to talk to a human") are no requests.
"""

import re
import unicodedata
from difflib import SequenceMatcher

MAX_CHARS = 200  #: longer messages contain such words by chance
SIMILARITY_THRESHOLD = 0.86  #: ratio of :class:`difflib.SequenceMatcher` for equal questions
MIN_CHARS = 4  #: shorter messages ("ok", "为什么") are often repeated

_PERSON = (
    r"(?:human(?: being)?|person|people|agents?|representatives?|reps?|operators?|supervisors?"
    r"|managers?|somebody|colleagues?|associates?|boss|specialists?"
    r"|someone|staff|team(?: member)?|advis[oe]rs?|customer (?:support|service|care)"
    r"|support(?: team| agent| staff)?)"
)
_ANY_PERSON = rf"(?:an? |the |your |some )?(?:(?:real|live|actual|human|customer) )*{_PERSON}"
_A_PERSON = (
    r"(?:an? |the |your |some )?(?:(?:real|live|actual|human) )*"
    r"(?:human(?: being)?|person|human agent|live agent|agent|operator|representative|supervisor"
    r"|customer (?:support|service|care)(?: agent| representative)?)"
)
_END = (
    r"(?=[\s.!?,;:…]|$)(?! (?:resources?|rights?|error|body|who|that|about|named|called|tickets?"
    r"|fees?|hours"
    r"|plans?|number|email|address|phone|visa|at|to (?!talk|speak|chat|help|answer|reply|call)))"
)
_ENGLISH = (
    rf"\b(?:talk|speak|chat|talking|speaking|chatting) (?:to|with) {_ANY_PERSON}{_END}",
    (
        rf"\b(?:(?:connect|transfer|pass|hand|put|forward|escalate) (?:me|us|this)|connect|escalate)"
        rf" (?:over |through |on )?(?:to|with) {_ANY_PERSON}{_END}"
    ),
    (
        r"\b(?:get|fetch|call) (?:me |us )?(?:an? |your |the )?(?:real |live |actual )?"
        r"(?:human(?: being)?|supervisor|manager|real person|someone real)"
        r"(?=\W*(?:$|please|pls|now|here|to (?:talk|speak|help|answer)))"
    ),
    r"\bcan an? (?:real |live |actual )?(?:human|person) (?:please )?(?:answer|reply|help me|take over)\b",
    r"^\W*(?:(?:some(?:one|body)|anyone) real|live chat|no (?:ro)?bots?)(?: please| pls)?\W*$",
    rf"\b(?:i (?:want|need|demand)|i'?d like|give me|get me|can i (?:have|get)) {_A_PERSON}{_END}",
    r"\bi need (?:some )?help from (?:a |an )?(?:real )?(?:person|human|agent)\b",
    (
        r"^\W*(?:please )?(?:i (?:want|need|would like) to |can i )?(?:contact|reach|call) "
        r"(?:your |the |customer )*(?:support|service|agent|team)(?: team)?(?: please| pls)?\W*$"
    ),
    (
        r"^\W*(?:(?:a |real |live |human |chat |talk )*(?:human|person|agent|operator|representative"
        r"|supervisor)"
        r"|customer (?:service|support|care)|(?:chat|talk"
        r"|speak) with (?:an? )?agent)(?: now)?(?: please| pls| plz)?\W*$"
    ),
    r"\b(?:human|live) (?:support|agent)(?: please)?\W*$",
    (
        r"\bis there (?:an? |any )?(?:real |live )?(?:human|person|agent|someone|anyone)"
        r"(?: here| there| available)?\W*$"
    ),
    r"\bany (?:real |live )?(?:human|person|agent)s? (?:here|there|available)\W*$",
    r"\b(?:real|live|actual) (?:person|human|agent) available\b",
    (
        r"\bi (?:want|need|would like) (?:an? |the )?(?:human|real person"
        r"|live agent)\b(?! (?:resources?|rights?))"
    ),
)
#: Both scripts: 转/轉, 帮/幫, 们/們, 请/請, 谈/談, 说/說, 讲/講, 联/聯, 会/會.
_STAFF_ZH = r"(?:人工|真人|活人|客服)"
_CHINESE = (
    r"(?:[转轉](?:接)?|接通)(?:到|至|给|給)?(?:一?[个個下位])?(?:真人|人工|客服)(?!费|費|收费|审核)",
    r"(?:叫|让|讓|喊|找|[换換])(?:一?[个個位])?(?:真|活)?人(?:过来|過來|来|來)?(?:跟我|和我|同我|回复|回覆|接待|处理|處理)",
    r"(?:叫|喊|[换換])(?:一?[个個位])?(?:真|活)?人(?:过来|過來|来|來)(?:吧|啊|呀)?\W*$",
    r"(?:叫|喊|找|要)(?:一?[个個位]|[你您]们|[你您]們)(?:的)?(?:经理|經理|主管|负责人|負責人|领导|領導|老板|专员|專員)",
    r"不(?:想|要)(?:再)?[跟和与與](?:机器人|機器人|[aA][iI])(?:说|說|聊|谈|談|讲|講)",
    r"(?:同|[跟和])(?:个|個)?真人(?:倾|傾)|搵(?:个|個)?(?:真人|客服|人工)|找(?:专员|專員)",
    r"^\W*(?:(?:真人|人工)(?:在吗|在嗎|在线吗|呢)|人呢|客服呢|在线客服|線上客服|客服人[员員])\W*$",
    r"(?:人工|真人)(?:客服|服务|服務|坐席)(?!机器人|機器人|系统|系統|平台|费用|費用|价格|價格|是什么|怎么|几点|电话|電話)",
    (
        rf"(?:找|要|叫|换|換|联系|聯繫|联络|接)(?:一?[个個下位]|[你您]们?們?的?)?{_STAFF_ZH}(?:人员|人員|来|來)?"
        r"(?!智能|费|費|成本|电话|電話|号码|热线|几点|怎么|的|微信)"
    ),
    rf"(?:和|跟|与|與)(?:一?[个個位])?{_STAFF_ZH}(?:人员|人員)?(?:说|說|聊|谈|談|讲|講|沟通|溝通|对话)",
    r"有(?:没有|沒有)?(?:人工|真人|活人|客服)(?:客服)?(?:吗|嗎|么|呢|在)?\W*$",
    r"^\W*(?:有人(?:在)?(?:吗|嗎|么)|客服在(?:吗|嗎|不在|么))\W*$",
    r"^\W*(?:人工|真人|客服|人工服务|人工客服)\W*$",
)
#: Asking verbs and persons of other languages, each as people write them to shops.
_OTHER_LANGUAGES = (
    r"\b(?:quiero|necesito|quisiera) (?:a )?(?:un |una )?(?:humano|agente humano|persona real|asesor)\b",
    r"^\W*(?:agente humano|atenci[oó]n al cliente)(?: por favor)?\W*$",
    r"\bje (?:veux|voudrais|souhaite) une? (?:conseill(?:er|ère)|humain|vraie? personne)",
    r"^\W*un (?:humain|conseiller)(?: svp| s'il vous pla[iî]t)?\W*$",
    (
        r"\bich (?:brauche|möchte|will) (?:bitte )?(?:einen |eine )(?:echten? |menschlichen )?"
        r"(?:mitarbeiter(?:in)?|menschen|berater(?:in)?)\b"
    ),
    r"^\W*(?:echten? menschen|kundenservice|kundendienst) bitte\W*$",
    r"(?:нужен|хочу|дайте) (?:жив\w+ )?(?:оператор|человек)|^\W*(?:оператора|жив(?:ой|ого) человека?)\W*$",
    r"(?:人|人間|オペレーター|担当者)と(?:話し?た|はなした)|(?:オペレーター|担当者).{0,4}お願い",
    r"(?:사람|상담원|상담사)(?:이랑|과|하고|와)?\s*(?:얘기|이야기|말)하",
    r"(?:इंसान|व्यक्ति|एजेंट) से बात|คุยกับ(?:คน|เจ้าหน้าที่|พนักงาน)|^\W*müşteri temsilcisi\W*$",
    r"\b(?:po)?rozmawia[cć] z (?:człowiekiem|konsultantem|kimś)|\b(?:medewerker|mens|iemand) spreken\b",
    (
        r"\b(?:hablar|contactar|comunicarme) con (?:una? |el |la |alg[uú]n )?"
        r"(?:persona|agente|humano|operador|asesor|representante|alguien)\b"
    ),
    r"\b(?:falar|conversar) com (?:um |uma |o |a )?(?:atendente|humano|pessoa|agente|algu[eé]m|operador)",
    (
        r"\b(?:parler|discuter) (?:à|a|avec) (?:un |une |le |la )?"
        r"(?:quelqu.un|humain|conseiller|agent|personne|op[eé]rateur|un vrai)"
    ),
    (
        r"\bmit (?:einem |einer |jemandem? )?(?:echten )?(?:menschen|mitarbeiter(?:in)?"
        r"|berater(?:in)?|jemandem)\b"
        r".{0,20}\b(?:sprechen|reden|chatten)\b"
    ),
    (
        r"^\W*(?:mitarbeiter|mensch|operatore|operador|agente|conseiller|atendente|оператор|человек)"
        r"(?: bitte| por favor| s'il vous plaît|,? пожалуйста)?\W*$"
    ),
    r"(?:позовите|соедините|переключите|дайте)\b.{0,20}(?:оператор|человек|менеджер|сотрудник|специалист)",
    (
        r"(?:поговорить|говорить|связаться|пообщаться) с (?:жив\w+ )?(?:оператор|человек|менеджер"
        r"|сотрудник|специалист)"
    ),
    r"(?:オペレーター|担当者|人間|スタッフ|係の人)(?:の方)?(?:と|に|へ)(?:直接)?(?:話し|つない|繋い|代わ|お?話|連絡)",
    r"(?:상담원|상담사|사람|직원)(?:이랑|과|와|하고|을|를)?\s*(?:연결|통화|대화|이야기|바꿔)",
    r"\b(?:gặp|nói chuyện với|chat với|kết nối với) (?:một )?(?:nhân viên|người thật|tư vấn viên|tổng đài)",
    (
        r"\b(?:bicara|berbicara|ngobrol|chat|sambungkan)(?: saya)? (?:dengan|sama|ke) (?:manusia|orang|cs"
        r"|agen|admin|petugas|operator)"
    ),
    (
        r"(?:التحدث|اتكلم|أتكلم|التواصل|كلم)\s+(?:مع|إلى|الى)\s+(?:موظف|شخص|انسان|إنسان|ممثل|وكيل"
        r"|خدمة العملاء)"
    ),
    r"\b(?:parlare|chattare) con (?:un |una |qualcuno|l')?\s?(?:operatore|persona|umano|agente)?",
    r"\b(?:bir )?(?:temsilci|insan|yetkili|operatör)(?:le|yle|ile)? (?:görüş|konuş|bağlan)",
)
_REQUEST = re.compile("|".join((*_ENGLISH, *_CHINESE, *_OTHER_LANGUAGES)), re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:do ?n[o']?t|don’t|not|never|no need to|without)\b[^.!?]{0,25}"
    r"\b(?:talk|speak|chat|connect|transfer|want|need|human)\b"
    r"|(?:不用|不要|不想|不需要|别|无需|没必要)[^。！？]{0,6}(?:转|人工|真人|客服)",
    re.IGNORECASE,
)
#: A refusal of the bot, which is none of a person: "I don't want to talk to a bot, get me a human".
_REFUSAL_OF_BOT = re.compile(
    r"\b(?:do ?n[o']?t|not|never|stop|without|no)\b[^.!?,;]{0,40}"
    r"\b(?:(?:ro|chat)?bot|machine|ai|computer)s?\b"
    r"|(?:不用|不要|不想|不需要|别|別)[^。！？，,]{0,8}(?:机器人|機器人|ai)",
    re.IGNORECASE,
)


def asks_for_human(text: str) -> bool:
    """Return whether a message asks to be answered by a person; one that is far too long is not read."""
    if len(text) > 10 * MAX_CHARS:
        return False
    plain = unicodedata.normalize("NFKC", " ".join(text.replace("’", "'").split())).replace(" w/ ", " with ")
    if len(plain) > MAX_CHARS or _REFUSAL.search(_REFUSAL_OF_BOT.sub("", plain)):
        return False
    return _REQUEST.search(plain) is not None


def is_same_question(text: str, other: str) -> bool:
    """Return whether two messages are the same question, in almost the same words."""
    one, two = _normalized(text), _normalized(other)
    if min(len(one), len(two)) < MIN_CHARS:
        return False
    return one == two or SequenceMatcher(None, one, two, autojunk=False).ratio() >= SIMILARITY_THRESHOLD


def _normalized(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text[: 4 * MAX_CHARS]).casefold()
    return "".join(char for char in folded if char.isalnum())[:MAX_CHARS]
