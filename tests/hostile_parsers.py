"""The functions that read what strangers send, by name; for the test of their cost and the fuzz targets.

Each takes one text. Functions that read an answer page by page, as it grows, are given it page by page.
"""

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Final, cast

from telegram import Bot

from bots.slack.incoming_markdown import mentions_any
from bots.slack.incoming_markdown import to_markdown as slack_to_markdown
from bots.slack.payload import to_mrkdwn
from bots.slack.references import references_of
from bots.slack.render import SlackRenderer
from bots.slack.rich_text import mentions_in_rich_text
from bots.telegram.at_names import neutralize_at_names
from bots.telegram.render import TelegramRenderer, TelegramRichRenderer
from bots.telegram.tolerant_parsing import parse_update
from core.chat_policy.rule_syntax import parse_pairs, parse_rules
from core.commands.canned import strip_citations
from core.commands.options import as_code
from core.domain.buttons import parse_button_data
from core.domain.message_content import AttachmentKind, MessageContent, MessageRole
from core.files.excerpt import build_excerpt
from core.files.references import FileReferences, parse_references
from core.handoff.request_phrases import asks_for_human, is_same_question
from core.handoff.staff_text import read_staff_text
from core.kimi import KimiError
from core.kimi.json_decoding import decode_json
from core.knowledge.document_job import parse_for_index
from core.knowledge.html_converter import html_to_markdown
from core.knowledge.lexical_query import parse_lexical_query
from core.knowledge.query import is_small_talk, parse_query
from core.knowledge.tokenizer import tokenize
from core.llm.reply_marker import MarkerFilter, ReplyMarker
from core.llm.text_filter import ReplyTextFilter
from core.markdown.html_text import html_to_text
from core.markdown.lines import scan_lines
from core.markdown.mention_neutralizer import neutralize_mentions
from core.markdown.nesting import is_too_deeply_nested
from core.markdown.partial_text import close_open_markup, stable_prefix
from core.redaction.masking import Masker
from core.redaction.patterns import PiiKind
from core.store.files import ProcessedFile
from core.store.history import HistoryMessage
from core.text.language import detect_language
from core.text.message_text import display_name
from core.text.quoting import blockquote, plain_name, plain_text, speaker_label
from core.text.reply_checks import is_empty_reply, looks_finished, repeats_itself
from core.text.tokens import estimate_tokens
from core.text.visible_text import clean_text, has_visible_text
from core.turns.intent_classifier import classify_by_rules
from tests.cpu_cost import Parser

PAGE_CHARS: Final = 4_000  #: about what one message of a platform shows
_BOT: Final = Bot("4242:AAF-hostile-hostile-hostile-hostile-xyz")


def _own_files() -> list[ProcessedFile]:
    """Return 50 files of one person, as far as references look at them."""

    def known(number: int) -> ProcessedFile:
        file = SimpleNamespace(id=number, attachment=SimpleNamespace(name=f"report {number}.pdf"))
        return cast("ProcessedFile", SimpleNamespace(file=file, content=SimpleNamespace(kimi_id="")))

    return [known(number) for number in range(50)]


_FILES: Final = _own_files()
_MASKER: Final = Masker([*PiiKind], {"Bluebird": "codename"})


def _resolve_references(text: str) -> object:
    references = FileReferences(_FILES)
    return [references.resolve(what) for what in parse_references(text)]


def _parse_rules(text: str) -> object:
    return parse_rules(dict.fromkeys(("trigger", "keywords", "hours", "language", "desk", "welcome"), text))


def _parse_arguments(text: str) -> object:
    pairs = [pair for pair in text.split() if "=" in pair]
    return parse_pairs(pairs)


def _search_words(text: str) -> object:
    """Return the words that a message is searched by."""
    said = HistoryMessage(
        seq=1, role=MessageRole.USER, content=MessageContent(text=text), author_id="1", author="A"
    )
    query = parse_query([said], question_seq=1)
    return is_small_talk(query.text), parse_lexical_query(query.text)


def _parse_json(text: str) -> object:
    try:
        return decode_json(text.encode("utf-8", "replace"))
    except (ValueError, KimiError):
        return None


def _parse_telegram(text: str) -> object:
    """Parse an update with the text as a message, a name, a caption and a button's data."""
    person = {"id": 7, "is_bot": False, "first_name": text}
    chat = {"id": -5, "type": "supergroup", "title": text}
    message = {"message_id": 1, "date": 0, "chat": chat, "from": person, "text": text, "caption": text}
    quoted = {**message, "reply_to_message": message, "quote": {"text": text, "position": 0}}
    update = parse_update({"update_id": 1, "message": quoted}, _BOT)
    parse_button_data(text)
    return update


def _parse_slack(text: str) -> object:
    """Read the references of a message that has the text in all of its parts."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    block = {"type": "rich_text", "elements": [section]}
    message = {
        "type": "message",
        "user": "U1",
        "text": text,
        "blocks": [block],
        "attachments": [{"text": text}],
    }
    mentions_in_rich_text([block])
    return references_of({"event": message})


def _filter_reply(text: str) -> object:
    """Pass a reply through the filters of its stream, in chunks of 50 characters."""
    markers, tools = MarkerFilter(ReplyMarker.NO_ANSWER, "abc123"), ReplyTextFilter("")
    for at in range(0, len(text), 50):
        if shown := markers.feed(text[at : at + 50]):
            tools.feed(shown)
    markers.flush()
    return tools.flush()


def _in_pages(render: Parser) -> Parser:
    """Return a function that renders a long text page by page."""

    def pages(text: str) -> object:
        return [render(text[at : at + PAGE_CHARS]) for at in range(0, len(text), PAGE_CHARS)]

    return pages


#: Name → function that reads a message, a name, a command or an event, in the event loop.
TEXT_PARSERS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "words of a search": _search_words,
        "file references": _resolve_references,
        "file name": lambda text: display_name(text, AttachmentKind.FILE),
        "speaker": speaker_label,
        "plain name": plain_name,
        "plain text": plain_text,
        "quote": blockquote,
        "as code": as_code,
        "language": detect_language,
        "token estimate": estimate_tokens,
        "visible text": lambda text: (clean_text(text), has_visible_text(text)),
        "masking": lambda text: _MASKER.for_request().mask(text),
        "request for a person": asks_for_human,
        "same question": lambda text: is_same_question(text, f"{text}x"),
        "intent classifier": classify_by_rules,
        "rules": _parse_rules,
        "arguments": _parse_arguments,
        "webhook JSON": _parse_json,
        "telegram update": _parse_telegram,
        "slack event": _parse_slack,
        "slack mentions": lambda text: mentions_any(text, {"U1"}),
    }
)

#: Name → function that reads Markdown: people's as a whole, an answer's page by page.
MARKDOWN_PARSERS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "html in markdown": html_to_text,
        "slack text": to_mrkdwn,
        "mentions": neutralize_mentions,
        "nesting": is_too_deeply_nested,
        "citations": strip_citations,
        "markdown lines": scan_lines,
        "reply filters": _filter_reply,
        "reply checks": lambda text: (is_empty_reply(text), repeats_itself(text), looks_finished(text)),
        "slack mrkdwn": lambda text: slack_to_markdown(text, names={}, own_ids={"U1"}),
        "staff text": read_staff_text,
        "telegram at-names": neutralize_at_names,
        "growing answer": _in_pages(close_open_markup),
        "growing stream": _in_pages(stable_prefix),
    }
)

#: Name → function that renders one message's worth of an answer, as each of its edits does.
RENDERERS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "slack answer": lambda text: SlackRenderer(streaming=False).render(text, complete=True),
        "slack stream": lambda text: SlackRenderer(streaming=True).render(text, complete=False),
        "telegram answer": lambda text: TelegramRenderer().render(text, complete=True),
        "telegram stream": lambda text: TelegramRenderer().render(text, complete=False),
        "telegram rich answer": lambda text: TelegramRichRenderer().render(text, complete=True),
    }
)

#: Name → function that reads a file's text, outside of the event loop.
FILE_PARSERS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "html to markdown": html_to_markdown,
        "html document": lambda text: parse_for_index(text, "n", "html", ""),
        "markdown document": lambda text: parse_for_index(text, "n", "md", ""),
        "csv document": lambda text: parse_for_index(f"question,answer\n{text}", "n", "csv", ""),
        "tokens of a document": tokenize,
        "excerpt of a file": lambda text: build_excerpt(text, "what is it", budget_tokens=500),
        "question of an excerpt": lambda text: build_excerpt("hello", text, budget_tokens=500),
    }
)

#: Pieces that are repeated; each makes some parser slow, here or elsewhere.
PIECES: Final = (
    *("<a ", "<!--", "<div>", "<", "&", "&#", "<p>", "</", "<li>", '<a b="', "<table><tr><td>"),
    *("[", "![", "[![", "](", "[a](", "[^1]", "]", "[a][", "{", '{"a":', "[["),
    *("*", "_", "`", "~", "**a", "a*", "|", "|\n", "> ", ">", "- ", "1. ", "#", "# x\n", "- a\n", "```\n"),
    *("$", "$$\n", "\\(", "\\", "<@", "<!", "<@U1>", "@", "@here", "@file-", "@file-中"),
    *(
        "\t",
        " ",
        "\n",
        " \n",
        "a",
        "A",
        "中",
        "哈",
        "。",
        "a. ",
        "1 ",
        "1-",
        "1,",
        "a@",
        "https://",
        "\u200b",
    ),
    *("ok ", "不要", "talk to ", "do not ", '"', ",", ";\n", "a=", "mon 9-17, ", "//", "\\u"),
    *("e\u0301", "🇩🇪", "\u202e", "\0", "<|", "[[no-answer:", "///", ">>", ".", "-", "x1"),
)
