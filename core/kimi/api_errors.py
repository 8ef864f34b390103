"""Errors of Kimi's client.

::

    MoonthreadError
    └── KimiError                    any of these; nothing else leaves the client
        ├── KimiAuthenticationError  the key is missing, wrong or of the other region
        ├── KimiPermissionError      the key has no permission for this
        ├── KimiModelUnknown         the model is unknown, retired or not open to this account
        ├── KimiInvalidRequest       the request is refused
        │   ├── KimiEndpointMissing  the provider has no such endpoint, or the base URL is wrong
        │   ├── KimiFileMissing      there is no such file
        │   └── KimiFileRefused      a file is empty, too large, one too many or unreadable
        ├── KimiContextTooLong       prompt and reply do not fit into the model's context
        ├── KimiContentFiltered      the question or the answer was judged unsafe
        ├── KimiQuotaExhausted       the account has no balance; never retried
        ├── KimiRateLimited          one of the account's four limits; the daily one is not retried
        ├── KimiOverloaded           Kimi's engine is at capacity
        ├── KimiUnavailable          not reached, or a failure on its side
        ├── KimiUnreadableReply      a successful response that is no reply
        ├── KimiStreamInterrupted    the stream ended before ``[DONE]``
        └── KimiTimeout              too long without a connection, a first byte or a next byte

``str(error)`` is for logs, without keys and account ids. ``notice()`` is for people.
"""

from typing import ClassVar, Literal, TypeAlias

from core.domain.errors import MoonthreadError
from core.kimi.scrub import scrub

Language: TypeAlias = Literal["zh", "en"]
Limit: TypeAlias = Literal["concurrency", "rpm", "tpm", "tpd", "unknown"]
FileRefusalReason: TypeAlias = Literal["empty", "too_large", "full", "unreadable"]
Phase: TypeAlias = Literal["connect", "first_byte", "idle", "whole"]


class KimiError(MoonthreadError):
    """Base class of all errors of the client.

    Attributes:
        code: short stable name of the class, for logs, metrics and the database.
        request_id: id for Moonshot's support; "" if there is none.
        status: HTTP status; None if there was no response, or it began successfully.
        retryable: whether the same request may succeed a little later.
        retry_after_s: seconds that Kimi asked to wait; None if it did not.
    """

    code: ClassVar[str] = "error"
    zh: ClassVar[str] = "Kimi 出了点问题，请再试一次。"
    en: ClassVar[str] = "Something went wrong with Kimi. Please try again."
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        request_id: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.request_id = request_id
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(scrub(message, secrets=secrets))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by text and attributes, since the subclasses' arguments are keyword-only."""
        return (_unpickle, (type(self), str(self), self.__dict__))

    def notice(self, language: Language) -> str:
        """Return one or two short friendly sentences for the person who asked."""
        return self.zh if language == "zh" else self.en


def _unpickle(kind: type[KimiError], text: str, attributes: dict[str, object]) -> KimiError:
    error = kind.__new__(kind, text)
    error.args = (text,)
    error.__dict__.update(attributes)
    return error


class KimiAuthenticationError(KimiError):
    """The key is missing, wrong, expired or of the other region; only the operator can change that."""

    code = "authentication"
    zh = "我暂时无法连接 Kimi：访问密钥无效，请联系管理员。"
    en = "I can't reach Kimi: the access key isn't valid. Please tell whoever runs me."


class KimiPermissionError(KimiError):
    """The key is valid, but its account, address or project has no permission for this."""

    code = "permission"
    zh = "Kimi 拒绝了这个请求：账号没有权限，请联系管理员。"
    en = "Kimi refused: this account isn't allowed to do that. Please tell whoever runs me."


class KimiModelUnknown(KimiError):
    """The model does not exist, was retired, or is not open to this account."""

    code = "model_unknown"
    zh = "现在无法使用这个模型，请换一个模型或联系管理员。"
    en = "That model isn't available. Please choose another one or tell whoever runs me."


class KimiInvalidRequest(KimiError):
    """The request was refused; the same request will be refused again."""

    code = "invalid_request"
    zh = "Kimi 的服务器没有接受这个请求，这和你的措辞无关。如果一再出现，请联系管理员。"
    en = (
        "Kimi's server refused this request; that isn't about your words. "
        "If it keeps happening, please tell whoever runs me."
    )


class KimiEndpointMissing(KimiInvalidRequest):
    """The provider has no such endpoint, or there is no chat API behind the base URL."""

    code = "endpoint_missing"
    zh = "我没有找到 Kimi 的服务地址，请联系管理员。"
    en = "I can't find Kimi at the address I was given. Please tell whoever runs me."


class KimiFileMissing(KimiInvalidRequest):
    """Kimi stores no file with this id: it was deleted, or belongs to another account."""

    code = "file_missing"
    zh = "Kimi 那边已经没有这个文件了，请重新发送。"
    en = "Kimi no longer has that file. Please send it again."


class KimiFileRefused(KimiInvalidRequest):
    """Kimi did not accept a file, or found no text in it.

    Attributes:
        reason: "full" if the account has reached its number of files.
    """

    code = "file_refused"
    zh = "Kimi 没能读取这个文件。"
    en = "Kimi couldn't read that file."

    def __init__(
        self,
        message: str,
        *,
        reason: FileRefusalReason = "unreadable",
        request_id: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id, status=status)
        self.reason: FileRefusalReason = reason


class KimiContextTooLong(KimiError):
    """Prompt and ``max_completion_tokens`` do not fit into the model's context."""

    code = "context_too_long"
    zh = "内容太长，超出了 Kimi 的处理范围，请缩短后再试，或用 /new 开始新对话。"
    en = "That's too long for Kimi. Please shorten it, or start over with /new."


class KimiContentFiltered(KimiError):
    """Kimi judged the question or the answer to be high risk."""

    code = "content_filtered"
    zh = "这个话题 Kimi 不方便回答，我们换个话题吧。"
    en = "Kimi can't answer this one. Let's try something else."


class KimiQuotaExhausted(KimiError):
    """The account has no balance left or is suspended; only a top-up helps."""

    code = "quota_exhausted"
    zh = "Kimi 账号的额度已用完，请联系管理员充值。"
    en = "The Kimi account has run out of credit. Please tell whoever runs me."


class KimiRateLimited(KimiError):
    """One of the account's four limits was reached.

    Attributes:
        limit: which one; "unknown" if the response does not say.
        limit_value: the limit itself (requests or tokens); None if the response does not say.
    """

    code = "rate_limited"
    zh = "Kimi 现在有点忙，请稍等片刻再试。"
    en = "Kimi is busy right now. Please try again in a moment."
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        limit: Limit = "unknown",
        limit_value: int | None = None,
        request_id: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            message, request_id=request_id, status=status, retry_after_s=retry_after_s, secrets=secrets
        )
        self.limit: Limit = limit
        self.limit_value = limit_value
        self.retryable = limit != "tpd"  # nothing is free again before the next day

    def notice(self, language: Language) -> str:
        """Return the notice; for the daily limit, it names tomorrow."""
        if self.limit != "tpd":
            return super().notice(language)
        if language == "zh":
            return "今天的 Kimi 用量已达上限，请明天再来。"
        return "Today's Kimi allowance is used up. Please come back tomorrow."


class KimiOverloaded(KimiError):
    """Kimi's engine is at capacity for accounts of every tier."""

    code = "overloaded"
    zh = "Kimi 现在太忙了，请过一会儿再试。"
    en = "Kimi has too much to do at the moment. Please try again shortly."
    retryable = True


class KimiUnavailable(KimiError):
    """Kimi could not be reached, or failed on its side."""

    code = "unavailable"
    zh = "暂时连不上 Kimi，请稍后再试。"
    en = "Kimi can't be reached right now. Please try again later."
    retryable = True


class KimiUnreadableReply(KimiError):
    """A response with status 200 that is neither a stream nor JSON; retried a few times only.

    Each attempt may be a generation that is billed.
    """

    code = "unreadable_reply"
    zh = "Kimi 的服务器返回了我读不懂的内容，请联系管理员。"
    en = "Kimi's server sends something that I can't read. Please tell whoever runs me."
    retryable = True


class KimiStreamInterrupted(KimiError):
    """The stream ended before ``[DONE]``, so the reply is incomplete, however it looks."""

    code = "stream_interrupted"
    zh = "Kimi 的回答中途断开了，请重试。"
    en = "Kimi's answer broke off. Please try again."
    retryable = True


class KimiTimeout(KimiError):
    """Kimi was silent for too long.

    Attributes:
        phase: the wait that took too long: for a connection, the first byte of the reply, the next
            byte (comments count as bytes), or a whole unstreamed reply. The last is not retried:
            the first attempt may still be running, and billed, on Kimi's side.
    """

    code = "timeout"
    zh = "Kimi 太久没有回应，请再试一次。"
    en = "Kimi took too long to respond. Please try again."

    def __init__(
        self,
        message: str,
        *,
        phase: Phase,
        request_id: str = "",
        secrets: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, request_id=request_id, secrets=secrets)
        self.phase: Phase = phase
        self.retryable = phase != "whole"
