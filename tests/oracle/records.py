"""Bytes -> records: the oracle's own reader of delimited text. Shares nothing with the product, uses no csv library.

A record is a list of cells, or None in place of the list's soundness: `Record.bad_quote` says that a quote stands where
RFC 4180 has none. Structural faults (an unclosed quote, a broken encoding) raise `Refused`: the door must not take the file.
"""

from dataclasses import dataclass, field


class Refused(Exception):
    """The whole file is to be refused at upload."""


@dataclass
class Record:
    number: int  # 1 = first after the header; 0 = the header
    cells: list = field(default_factory=list)
    bad_quote: bool = False

    def is_blank(self):
        """An empty line, or cells of no length only."""
        return not self.bad_quote and all(cell == "" for cell in self.cells)


BOMS = [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")]
# The web's windows-1252 fills the five holes of the code page with control characters.
HOLES = {0x81: "\x81", 0x8D: "\x8d", 0x8F: "\x8f", 0x90: "\x90", 0x9D: "\x9d"}


def decode(data, encoding=None):
    for mark, name in BOMS:
        if data.startswith(mark):
            data, encoding = data[len(mark):], name
            break
    try:
        if encoding in ("windows-1252", "cp1252", "latin1", "iso-8859-1"):
            return "".join(HOLES.get(byte) or bytes([byte]).decode("cp1252") for byte in data)
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"encoding: {error}") from error


def detect_delimiter(text):
    """The candidate that stands most often in the header line, outside quotes."""
    counts, quoted = dict.fromkeys(",;\t|", 0), False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "\r\n":
            break
        elif not quoted and char in counts:
            counts[char] += 1
    best = max(counts, key=counts.get)
    return best if counts[best] else ","


def read(text, delimiter):
    """All records, the header first. Lines end with LF, CRLF or CR; the last one may have no end."""
    records, place, end = [], 0, len(text)
    while place < end:
        record = Record(number=len(records))
        while True:
            cell, bad, place = _cell(text, place, delimiter)
            record.cells.append(cell)
            record.bad_quote |= bad
            if place < end and text[place] == delimiter:
                place += 1
                continue
            break
        if text.startswith("\r\n", place):
            place += 2
        elif place < end:
            place += 1
        records.append(record)
    return records


def _cell(text, place, delimiter):
    """One cell from `place`; gives its value, whether a quote is misplaced, and where its delimiter or line end stands."""
    end = len(text)
    if place < end and text[place] == '"':
        return _quoted(text, place + 1, delimiter)
    stop = _plain_end(text, place, delimiter)
    value = text[place:stop]
    return value, '"' in value, stop


def _quoted(text, place, delimiter):
    parts = []
    while True:
        quote = text.find('"', place)
        if quote < 0:
            raise Refused("unclosed quote")
        parts.append(text[place:quote])
        if text.startswith('""', quote):
            parts.append('"')
            place = quote + 2
            continue
        stop = _plain_end(text, quote + 1, delimiter)
        rest = text[quote + 1:stop]
        return "".join(parts) + rest, rest != "", stop


def _plain_end(text, place, delimiter):
    while place < len(text) and text[place] != delimiter and text[place] not in "\r\n":
        place += 1
    return place
