"""What kind of file something is: by its name, by what it is said to be, by its first bytes. Pure.

The formats are those of Moonshot's page on uploads. Plain text is read here, everything else by
Kimi; pictures are those that its models see.
"""

from pathlib import PurePath

from core.domain.file_states import FileType

HEAD_BYTES = 1_024  #: enough of a file to know it by


_OFFICE_EXTENSIONS = ("docx", "xlsx", "pptx")
_OLD_OFFICE_EXTENSIONS = ("doc", "dot", "xls", "ppt")

DOCUMENT_EXTENSIONS = frozenset(
    {"pdf", "epub", "mobi", "html", "htm", *_OFFICE_EXTENSIONS, *_OLD_OFFICE_EXTENSIONS}
)
PICTURE_EXTENSIONS = frozenset({"png", "jpg", "jpeg", "webp", "gif", "bmp", "heic", "heif"})
VIDEO_EXTENSIONS = frozenset({"mp4", "mpeg", "mpg", "mov", "avi", "flv", "webm", "wmv", "3gp", "3gpp"})
TEXT_EXTENSIONS = frozenset(
    {
        *(
            "txt",
            "text",
            "md",
            "markdown",
            "rst",
            "log",
            "csv",
            "tsv",
            "json",
            "jsonl",
            "ndjson",
            "xml",
            "svg",
        ),
        *("yaml", "yml", "toml", "ini", "conf", "cfg", "env", "properties", "diff", "patch", "tex", "srt"),
        *("go", "h", "hpp", "c", "cpp", "cxx", "cc", "cs", "java", "kt", "swift", "rs", "rb", "pl", "lua"),
        *("js", "mjs", "jsx", "ts", "tsx", "vue", "css", "scss", "jsp", "php", "py", "py3", "pyi", "ipynb"),
        *("asp", "sh", "bash", "zsh", "ps1", "bat", "sql", "r", "scala", "dart", "ex", "exs", "hs", "proto"),
    }
)

#: Media types of formats whose names do not tell; ``text/…`` is text.
_EXTENSION_OF_MEDIA_TYPE = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/epub+zip": "epub",
    "application/json": "json",
    "application/xml": "xml",
    "application/x-yaml": "yaml",
    "application/javascript": "js",
    "application/x-sh": "sh",
    "application/sql": "sql",
    "text/html": "html",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "video/quicktime": "mov",
    "video/x-flv": "flv",
    "video/x-msvideo": "avi",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "3gp",
}

#: First bytes, and what they mean: an ending, or a family of endings.
_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"FLV", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (b"\x00\x00\x01\xba", "mpg"),
    (b"\x00\x00\x01\xb3", "mpg"),
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"\x7fELF", "elf"),
    (b"MZ", "exe"),
    (b"\x1f\x8b", "gz"),
    (b"Rar!", "rar"),
    (b"7z\xbc\xaf", "7z"),
)
_HEIC_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1")
_PICTURE_SUBTYPES = {"jpg": "jpeg"}


def extension_of(name: str, media_type: str) -> str:
    """Return the ending that tells a file's format, in lower case; "" where neither name nor type does."""
    named = PurePath(name).suffix.lower().removeprefix(".")
    if file_type_of(named) is not None:
        return named
    plain = media_type.partition(";")[0].strip().lower()
    if plain in _EXTENSION_OF_MEDIA_TYPE:
        return _EXTENSION_OF_MEDIA_TYPE[plain]
    family, _, kind = plain.partition("/")
    if family == "text":
        return "txt"
    if family in ("image", "video") and file_type_of(kind) is not None:
        return kind
    return named


def file_type_of(extension: str) -> FileType | None:
    """Return how a file with this ending is read; None where it is not."""
    sorts = (
        (FileType.DOCUMENT, DOCUMENT_EXTENSIONS),
        (FileType.PICTURE, PICTURE_EXTENSIONS),
        (FileType.VIDEO, VIDEO_EXTENSIONS),
        (FileType.TEXT, TEXT_EXTENSIONS),
    )
    return next((sort for sort, endings in sorts if extension in endings), None)


def detect_format(head: bytes) -> str:
    """Return what a file's first bytes say that it is, as an ending; "" where they say nothing.

    "zip" stands for every Office file of today, "ole" for those of old and for locked ones.
    """
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12], "riff")
    if head[4:8] == b"ftyp":
        return "heic" if head[8:12] in _HEIC_BRANDS else "mov" if head[8:10] == b"qt" else "mp4"
    found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    # Some writers put a few bytes before a PDF's own first ones.
    return found or ("pdf" if b"%PDF-" in head[:HEAD_BYTES] else "")


def matches_format(extension: str, detected: str) -> bool:
    """Tell whether first bytes (:func:`detect_format`) may belong to a file with this ending."""
    match file_type_of(extension):
        case FileType.TEXT:
            return detected in ("", "bmp", "exe")  # a text may begin with the letters BM or MZ
        case FileType.PICTURE:
            return detected in PICTURE_EXTENSIONS
        case FileType.VIDEO:
            return detected in VIDEO_EXTENSIONS or detected == ""
        case FileType.DOCUMENT if extension in _OFFICE_EXTENSIONS or extension == "epub":
            return detected in ("zip", "ole")
        case FileType.DOCUMENT if extension in _OLD_OFFICE_EXTENSIONS:
            return detected in ("ole", "zip", "")  # some programs write new files under old names
        case FileType.DOCUMENT if extension == "pdf":
            return detected == "pdf"
        case _:
            return detected in ("", "bmp", "exe")


def picture_media_type(detected: str) -> str:
    """Return the media type of a picture by its first bytes."""
    return f"image/{_PICTURE_SUBTYPES.get(detected, detected)}"


def video_media_type(extension: str) -> str:
    """Return the media type of a video by its ending."""
    return {"mov": "video/mov", "flv": "video/x-flv", "mpg": "video/mpg", "3gp": "video/3gpp"}.get(
        extension, f"video/{extension}"
    )
