"""Formats of files: by name, by media type and by the first bytes. Pure.

The supported formats are those of Moonshot's page on file uploads.
"""

from pathlib import PurePath

from core.domain.file_states import FileType

HEAD_BYTES = 1_024  #: first bytes of a file that identify its format


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

#: Media type → extension, for files without a known extension; ``text/…`` is plain text.
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

#: (first bytes, extension or family of extensions).
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
    """Return the extension of a file's format in lower case, without a dot; "" if it is unknown."""
    extension = PurePath(name).suffix.lower().removeprefix(".")
    if file_type_of(extension) is not None:
        return extension
    essence = media_type.partition(";")[0].strip().lower()
    if essence in _EXTENSION_OF_MEDIA_TYPE:
        return _EXTENSION_OF_MEDIA_TYPE[essence]
    family, _, subtype = essence.partition("/")
    if family == "text":
        return "txt"
    if family in ("image", "video") and file_type_of(subtype) is not None:
        return subtype
    return extension


def file_type_of(extension: str) -> FileType | None:
    """Return the type of files with this extension; None if they are not supported."""
    supported = (
        (FileType.DOCUMENT, DOCUMENT_EXTENSIONS),
        (FileType.PICTURE, PICTURE_EXTENSIONS),
        (FileType.VIDEO, VIDEO_EXTENSIONS),
        (FileType.TEXT, TEXT_EXTENSIONS),
    )
    return next((file_type for file_type, extensions in supported if extension in extensions), None)


def detect_format(head: bytes) -> str:
    """Return the format of a file by its first bytes, as an extension; "" if they identify none.

    "zip" covers all current Office formats, "ole" the old ones and encrypted files.
    """
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12], "riff")
    if head[4:8] == b"ftyp":
        return "heic" if head[8:12] in _HEIC_BRANDS else "mov" if head[8:10] == b"qt" else "mp4"
    detected = next((extension for magic, extension in _MAGIC if head.startswith(magic)), "")
    # Some programs write a few bytes before a PDF's header.
    return detected or ("pdf" if b"%PDF-" in head[:HEAD_BYTES] else "")


def matches_format(extension: str, detected: str) -> bool:
    """Return whether a format (:func:`detect_format`) is possible for a file with this extension."""
    match file_type_of(extension):
        case FileType.TEXT:
            return detected in ("", "bmp", "exe")  # a text may begin with the letters BM or MZ, their magic
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
    """Return the media type of a picture's format."""
    return f"image/{_PICTURE_SUBTYPES.get(detected, detected)}"


def video_media_type(extension: str) -> str:
    """Return the media type of a video's extension."""
    return {"mov": "video/mov", "flv": "video/x-flv", "mpg": "video/mpg", "3gp": "video/3gpp"}.get(
        extension, f"video/{extension}"
    )
