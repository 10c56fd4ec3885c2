"""CSV files in encodings that Polars does not read: decoded into UTF-8 first, in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from flowfile_engine.errors import SourceError
from flowfile_engine.io.formats import compression_of
from flowfile_engine.recording import is_recorded

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Frame, PolarsNamespace

BLOCK = 4 * 1024 * 1024


def scan_encoded_csv(pl: PolarsNamespace, path: str, encoding: str, options: dict[str, Any]) -> Frame:
    """A CSV file in any of Python's encodings, as a lazy frame.

    The script of an export says `pl.read_csv(..., encoding=...)`, which holds the file several times in memory; a run
    scans a decoded copy instead, which gives the same rows.
    """
    if is_recorded(pl):
        return pl.read_csv(path, encoding=encoding, **options).lazy()
    with utf8_copy(path, encoding) as copy:
        # The plan keeps a descriptor of its own, and with it the file.
        return pl.scan_csv(copy, **options)


def utf8_copy(path: str, encoding: str) -> IO[bytes]:
    """A file's text in UTF-8, in a temporary file without a name, which goes when nothing has it open any more.

    Raises:
        SourceError: the bytes are no text in that encoding.
    """
    with ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile(prefix="flowfile-"))
        source = stack.enter_context(_opened(path))
        _decode(source, copy, path, encoding)
        source.close()
        stack.pop_all()
    copy.seek(0)
    return copy


def _decode(source: IO[bytes] | gzip.GzipFile, copy: IO[bytes], path: str, encoding: str) -> None:
    decoder, done = codecs.getincrementaldecoder(encoding)(), 0
    try:
        while block := source.read(BLOCK):
            copy.write(decoder.decode(block).encode())
            done += len(block)
        copy.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        raise SourceError(
            f"{path} is not text in the encoding {encoding}: it cannot be read after about byte {done}",
            hint="another encoding fits: utf8, cp1252 and utf-16 are common",
            field="csv_options.encoding",
        ) from error


def _opened(path: str) -> IO[bytes] | gzip.GzipFile:
    match compression_of(path):
        case "gzip":
            return gzip.open(path)
        case "zstd":
            raise SourceError(
                f"{path} is compressed with zstd, which is read as UTF-8 alone",
                hint="decompress it first",
                field="path",
            )
        case _:
            return Path(path).open("rb")
