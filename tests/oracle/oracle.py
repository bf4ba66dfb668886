#!/usr/bin/env python3
"""What an import of users must do, worked out a second time: one row after the other, in memory, no database.

  oracle.py expect  FILE OPTIONS START             -> JSON {"counts", "status", "failed", "users"} on stdout
  oracle.py compare EXPECTED IMPORT USERS FAILED   -> the first difference on stdout and exit 1, or nothing

FILE holds the uploaded bytes, OPTIONS the import's options (JSON), START and USERS one user as the API shows it on each line,
EXPECTED the output of `expect`, IMPORT the API's import (JSON), FAILED the failed.csv. Standard library only.
"""

import json
import pathlib
import sys

import cells
import records

ATTRIBUTES = "attributes"
COUNTS = ("total", "read", "created", "updated", "unchanged", "failed", "skipped", "unprocessed", "warnings")
# Not the product's table: the handful of foreign headers that the random files use, and spigit's.
ALIASES = {
    "E-Mail": "email", "Vorname": "first_name", "Nachname": "last_name", "First Name": "first_name", "userName": "username",
    "name.givenName": "first_name", "Geburtsdatum": "date_of_birth", "Telefon": "phone", "Firma": "company",
}
HIDDEN = ("id", "created_at", "updated_at", "created_by_import", "updated_by_import", "password_hash")


def targets(header, options):
    """What each column fills: ("field", name), ("attribute", name), ("attributes", ""), or ("nothing", "")."""
    found, weak = [], []
    for name in header:
        said = options.get("mapping", {})
        if name.startswith("_import_"):
            found.append(("nothing", ""))
        elif name in said:
            found.append(("nothing", "") if said[name] is None else named(said[name]))
        else:
            found.append(named(name) or (("field", ALIASES[name]) if name in ALIASES else ("attribute", name)))
        weak.append(name in ALIASES and name not in said)
    firm = [target for target, is_weak in zip(found, weak) if not is_weak]
    return [("attribute", name) if is_weak and target in firm else target
            for name, target, is_weak in zip(header, found, weak)]


def named(name):
    if name in cells.KINDS:
        return "field", name
    if name == ATTRIBUTES:
        return "attributes", ""
    if name.startswith("attributes.") and name != "attributes.":
        return "attribute", name[len("attributes."):]
    return None


def key_fields(columns, options):
    mapped = [name for kind, name in columns if kind == "field"]
    if "source_id" in mapped:
        return ["source_id"]
    wanted = options.get("key") or []
    wanted = [wanted] if isinstance(wanted, str) else wanted
    usable = [name for name in wanted if name in mapped]
    usable = usable or [name for name in ("source_id", "username", "email") if name in mapped and not wanted][:1]
    if not usable:
        raise records.Refused("no column gives the rows their id")
    return usable


class Row:
    """What a record says, or every error of it."""

    def __init__(self, record, columns, keys, options):
        self.sets, self.clears, self.attributes, self.errors = {}, set(), [], []
        self.ignore_blank = options.get("blank", "clear") == "ignore"
        padded = record.cells + [""] * (len(columns) - len(record.cells))
        for (kind, name), cell in zip(columns, padded):
            self.take(kind, name, cell)
        self.key = self.find_key(keys, options)

    def take(self, kind, name, cell):
        if kind == "nothing":
            return
        text = cells.trim(cells.KINDS.get(name) if kind == "field" else "text", cell)
        try:
            if kind == "field":
                self.take_field(name, text)
            elif kind == "attribute":
                self.take_attribute(name, text)
            elif text:
                self.attributes += list(cells.json_object(text).items())
        except cells.Wrong as wrong:
            self.errors.append(f"{name}:{wrong.code}" if kind == "field" else wrong.code)

    def take_field(self, name, text):
        if text:
            self.sets[name] = cells.check(name, text)
        elif not self.ignore_blank and name not in cells.KEY:
            self.clears.add(name)

    def take_attribute(self, name, text):
        if text:
            self.attributes.append((name, cells.plain(text, cells.ATTRIBUTE_BYTES)))
        elif not self.ignore_blank:
            self.attributes.append((name, None))

    def find_key(self, keys, options):
        found = next((self.sets[name] for name in keys if name in self.sets), None)
        if found is None:
            if not any(error.startswith(f"{name}:") for error in self.errors for name in keys):
                self.errors.append(f"{keys[0]}:required")
            return None
        return self.sets.get("source", options.get("source", "import")), found, self.sets.get("language", "")

    def apply(self, user):
        """The user after this row."""
        user = {**user, ATTRIBUTES: dict(user.get(ATTRIBUTES, {}))}
        user.update({name: value for name, value in self.sets.items() if name not in cells.KEY})
        for name in self.clears:
            user.pop(name, None)
        for name, value in self.attributes:
            if value is None:
                user[ATTRIBUTES].pop(name, None)
            else:
                user[ATTRIBUTES][name] = value
        return user


class Import:
    """One import, applied row by row to `table`: key -> user."""

    def __init__(self, options, table):
        self.options, self.table = options, table
        self.mode = options.get("mode", "upsert")
        self.counts = dict.fromkeys(COUNTS, 0)
        self.failed = []

    def run(self, data):
        text = records.decode(data, self.options.get("encoding"))
        delimiter = self.options.get("delimiter") or records.detect_delimiter(text)
        header, *rest = records.read(text, delimiter) or [None]
        if header is None or header.is_blank():
            raise records.Refused("no header")
        self.columns = targets(header.cells, self.options)
        self.keys = key_fields(self.columns, self.options)
        self.counts["total"] = len(rest)
        most = self.options.get("max_failures")
        for record in rest:
            self.step(record)
            if most is not None and self.counts["failed"] > most:
                break
        counts = self.counts
        counts["read"] = sum(counts[name] for name in ("created", "updated", "unchanged", "failed", "skipped"))
        counts["unprocessed"] = counts["total"] - counts["read"]

    def step(self, record):
        if record.is_blank():
            self.counts["skipped"] += 1
            return
        errors = self.shape(record)
        row = None if errors else Row(record, self.columns, self.keys, self.options)
        errors = errors or row.errors or self.apply(row)
        if errors:
            self.counts["failed"] += 1
            self.failed.append({"record": record.number, "codes": sorted(errors), "cells": record.cells})
        elif len(record.cells) != len(self.columns):
            self.counts["warnings"] += 1

    def shape(self, record):
        if record.bad_quote:
            return ["bad-quote"]
        wide = len(self.columns)
        fits = len(record.cells) == wide
        pad = self.options.get("ragged", "reject") == "pad" and not any(record.cells[wide:])
        return [] if fits or pad else ["column-count"]

    def apply(self, row):
        known = self.table.get(row.key)
        if known is None and self.mode == "update":
            return ["not-found"]
        if known is not None and self.mode == "create":
            return ["already-exists"]
        before = known if known is not None else {}
        after = row.apply(before)
        fate = "created" if known is None else "updated" if differs(before, after) else "unchanged"
        self.counts[fate] += 1
        self.table[row.key] = after
        return []

    def status(self):
        applied = sum(self.counts[name] for name in ("created", "updated", "unchanged"))
        short = self.counts["failed"] + self.counts["unprocessed"]
        return "completed" if not short else "partial" if applied else "failed"


def plain_user(user):
    """Only what is compared, with absent things absent."""
    shown = {name: value for name, value in user.items() if name not in HIDDEN + cells.KEY and value is not None}
    shown[ATTRIBUTES] = shown.get(ATTRIBUTES) or {}
    return shown


def differs(one, other):
    # True == 1 in Python; the text of both tells them apart.
    dump = lambda user: json.dumps({**user, ATTRIBUTES: user.get(ATTRIBUTES) or {}}, sort_keys=True)
    return dump(one) != dump(other)


def key_of(user):
    return user.get("source", ""), user.get("source_id", ""), user.get("language", "") or ""


def read_users(path):
    """START: like the API's, but a `password_hash` that an earlier expectation knows is kept."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    table = {}
    for user in map(json.loads, filter(None, lines)):
        kept = {"password_hash": user["password_hash"]} if "password_hash" in user else {}
        table[key_of(user)] = {**plain_user(user), **kept}
    return table


def expect(data, options, start):
    table = dict(start)
    job = Import(options, table)
    job.run(data)
    final = start if options.get("dry_run") else table
    users = [dict(zip(cells.KEY, key), **user) for key, user in sorted(final.items())]
    return {"counts": job.counts, "status": job.status(), "failed": job.failed, "users": users}


def compare(expected, shown, users, failed):
    """The first difference, as a sentence; None if there is none."""
    for name in COUNTS:
        if shown["counts"].get(name) != expected["counts"][name]:
            return f"counts.{name}: {shown['counts'].get(name)}, expected {expected['counts'][name]}\n{expected['counts']}"
    if shown["status"] != expected["status"]:
        return f"status: {shown['status']}, expected {expected['status']}"
    return compare_failed(expected["failed"], failed) or compare_users(expected["users"], users)


def compare_failed(expected, text):
    header, *rows = records.read(text, ",") or [records.Record(0)]
    if header.cells[:3] != ["_import_row", "_import_codes", "_import_error"]:
        return f"failed.csv: header {header.cells}"
    for want, row in zip(expected, rows):
        where = f"failed.csv, record {want['record']}"
        number, codes, sentence, *own = row.cells
        if int(number) != want["record"] + 1:
            return f"{where}: row {number}, expected {want['record'] + 1}"
        if sorted(codes.replace(";", " ").replace(",", " ").split()) != sorted(want["codes"]):
            return f"{where}: codes {codes!r}, expected {want['codes']}"
        if not sentence:
            return f"{where}: no sentence"
        if own != want["cells"] and own[:len(want["cells"])] + [cell for cell in own[len(want["cells"]):] if cell] != want["cells"]:
            return f"{where}: cells {own}, expected {want['cells']}"
    if len(rows) != len(expected):
        return f"failed.csv: {len(rows)} rows, expected {len(expected)}"
    return None


def shown_user(user):
    """The API leaves out empty lists, whether they were given or never there."""
    return {name: value for name, value in plain_user(user).items() if value != []}


def compare_users(expected, users):
    want = {key_of(user): shown_user(user) for user in expected}
    have = {key_of(user): shown_user(user) for user in users}
    if len(have) != len(users):
        return "users: one key twice"
    for key in sorted(want.keys() | have.keys()):
        if key not in have:
            return f"user {key}: missing, expected {want[key]}"
        if key not in want:
            return f"user {key}: unexpected, {have[key]}"
        if differs(want[key], have[key]):
            names = sorted(name for name in want[key].keys() | have[key].keys() if want[key].get(name) != have[key].get(name))
            return "\n".join([f"user {key}:"] + [f"  {name}: {have[key].get(name)!r}, expected {want[key].get(name)!r}" for name in names])
    return None


def main(arguments):
    read = lambda path: json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    if arguments[:1] == ["expect"] and len(arguments) == 4:
        try:
            answer = expect(pathlib.Path(arguments[1]).read_bytes(), read(arguments[2]), read_users(arguments[3]))
        except records.Refused as refused:
            answer = {"refused": str(refused)}
        json.dump(answer, sys.stdout)
        return 0
    if arguments[:1] == ["compare"] and len(arguments) == 5:
        lines = pathlib.Path(arguments[3]).read_text(encoding="utf-8").split("\n")
        users = [json.loads(line) for line in lines if line]
        failed = pathlib.Path(arguments[4]).read_bytes().decode("utf-8")
        difference = compare(read(arguments[1]), read(arguments[2]), users, failed)
        if difference:
            print(difference)
        return int(difference is not None)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
