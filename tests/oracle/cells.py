"""The rules for one cell, written a second time. `check(kind, text)` gives the canonical value or raises `Wrong(code)`."""

import datetime
import json
import re
import unicodedata


class Wrong(Exception):
    """What is wrong with a cell, by code."""

    @property
    def code(self):
        return self.args[0]


TEXT = {
    "first_name": 255, "middle_name": 255, "last_name": 255, "full_name": 512, "title": 255, "company": 255,
    "tax_number": 64, "coc_number": 64, "debtor_id": 64, "abbreviation": 64, "parent": 255, "region": 64,
}
KEY = ("source", "source_id", "language")
KINDS = {
    "source": "id", "source_id": "id", "language": "tag", "email": "email", "username": "id", "gender": "gender",
    "date_of_birth": "date", "phone": "phone", "mobile": "phone", "primary_language": "code", "groups": "groups",
    "addresses": "json", "password_hash": "secret", **dict.fromkeys(TEXT, "text"),
}
ATTRIBUTE_BYTES = 65536

_DAMAGE = re.compile(r"[0-9]+([.,][0-9]+)?E\+[0-9]+|#{3,}|#(N/A|REF!|VALUE!|NAME\?|NULL!|NUM!|DIV/0!)")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+)*")
_PHONE = re.compile(r"\+?[0-9 \-.()/]*")
_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f", "u": "u", "unknown": "u"}


def size(text):
    return len(text.encode("utf-8"))


def trim(kind, text):
    return text if kind == "secret" else text.strip(" \t")


def check(name, text):
    """The canonical value of a filled, trimmed cell of the field `name`."""
    kind = KINDS[name]
    if kind == "text":
        return plain(text, TEXT[name])
    return {"id": ident, "tag": tag, "email": email, "gender": gender, "date": date, "phone": phone, "code": code,
            "groups": groups, "json": json_array, "secret": secret}[kind](text)


def is_control(char):
    return unicodedata.category(char) == "Cc"


def plain(text, most):
    if size(text) > most:
        raise Wrong("too-long")
    if any(is_control(char) and char not in "\t\n\r" for char in text):
        raise Wrong("control-character")
    return text


def refuse_damage(text):
    if _DAMAGE.fullmatch(text):
        raise Wrong("spreadsheet-damage")


def ident(text):
    if size(text) > 255:
        raise Wrong("too-long")
    if any(map(is_control, text)):
        raise Wrong("control-character")
    refuse_damage(text)
    return text


def tag(text):
    if size(text) > 35 or not _TAG.fullmatch(text):
        raise Wrong("invalid-language")
    return text


def code(text):
    if not re.fullmatch("[A-Za-z]{2}", text):
        raise Wrong("invalid-language")
    return text.lower()


def email(text):
    local, at, domain = text.rpartition("@")
    labels = domain.split(".")
    good = (
        at == "@" and size(text) <= 254 and size(local) <= 64 and _LOCAL.fullmatch(local)
        and not any(char.isspace() or is_control(char) for char in text)
        and len(labels) >= 2 and all(map(is_label, labels))
    )
    if not good:
        raise Wrong("invalid-email")
    return f"{local}@{domain.lower()}"


def is_label(label):
    return 0 < size(label) <= 63 and label[0] != "-" and label[-1] != "-" and all(c.isalnum() or c == "-" for c in label)


def gender(text):
    if text.lower() not in _GENDERS or not text.isascii():
        raise Wrong("invalid-choice")
    return _GENDERS[text.lower()]


def date(text):
    refuse_damage(text)
    parts = _DATE.fullmatch(text)
    try:
        datetime.date(*map(int, parts.groups()))
    except (AttributeError, ValueError):
        raise Wrong("invalid-date") from None
    return text


def phone(text):
    refuse_damage(text)
    if not _PHONE.fullmatch(text) or not 3 <= sum(char in "0123456789" for char in text) <= 15:
        raise Wrong("invalid-phone")
    return text


def groups(text):
    names = []
    for name in filter(None, (name.strip(" \t") for name in text.split(","))):
        plain(name, 100)
        if name not in names:
            names.append(name)
    if len(names) > 1000:
        raise Wrong("too-long")
    return names


def secret(text):
    if size(text) > 1024:
        raise Wrong("too-long")
    if "\0" in text:
        raise Wrong("control-character")
    return text


def json_array(text):
    if size(text) > ATTRIBUTE_BYTES:
        raise Wrong("too-long")
    value = parse_json(text)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Wrong("invalid-json")
    return value


def json_object(text):
    if size(text) > ATTRIBUTE_BYTES:
        raise Wrong("too-long")
    value = parse_json(text)
    if not isinstance(value, dict):
        raise Wrong("invalid-json")
    return value


def parse_json(text):
    def no_constant(_):
        raise ValueError("not JSON")

    try:
        value = json.loads(text, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate is no text
    except (ValueError, RecursionError):
        raise Wrong("invalid-json") from None
    if not storable(value, 1):
        raise Wrong("invalid-json")
    return value


def storable(value, depth):
    if depth > 32:
        return False
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, list):
        return all(storable(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return all("\0" not in name and storable(item, depth + 1) for name, item in value.items())
    return not (isinstance(value, float) and value in (float("inf"), float("-inf")))
