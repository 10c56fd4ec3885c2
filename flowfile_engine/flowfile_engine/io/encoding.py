"""CSV files in encodings that Polars does not read: decoded into UTF-8 first, in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import tempfile
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
    return pl.scan_csv(utf8_copy(path, encoding), **options)


def utf8_copy(path: str, encoding: str) -> IO[bytes]:
    """A file's text in UTF-8, in a temporary file without a name, which goes when nothing reads it any more.

    Raises:
        SourceError: the bytes are no text in that encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    copy = tempfile.TemporaryFile(prefix="flowfile-")  # noqa: SIM115 - lives as long as the plan that scans it
    done = 0
    try:
        with _opened(path) as source:
            while block := source.read(BLOCK):
                copy.write(decoder.decode(block).encode())
                done += len(block)
            copy.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        copy.close()
        place = done + error.start if isinstance(error, UnicodeDecodeError) else done
        raise SourceError(
            f"{path} is not text in the encoding {encoding}: about byte {place} it cannot be read",
            hint="another encoding fits: utf8, cp1252 and utf-16 are common",
            field="csv_options.encoding",
        ) from error
    except OSError:
        copy.close()
        raise
    copy.seek(0)
    return copy


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
