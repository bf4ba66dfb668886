#!/usr/bin/env python3
"""random_files.py SEED: a short history of imports for one organization, and what each must do, as JSON:
[{"options": {...}, "file": "<hex>", "expected": {...}}, ...]; `expected` is the oracle's word.

Same seed, same files. The files share a small pool of keys, so that rows meet their own kind in the file and in the table:
new, changed, unchanged, duplicate, blank, ragged, broken, oddly quoted; in several encodings, delimiters and line ends.
"""

import json
import random
import sys

import cells
import oracle

GOOD = {
    "email": ["ana@example.com", "Bo.Li@Example.COM", "x+y@sub.example.org", "o'neil@example.net"],
    "username": ["ana", "bo li", "名前", "user-3", "0007"],
    "first_name": ["Ana", "Göran", "Yılmaz", "a\tb", "line\nbreak", "x, y; z | w", 'say "hi"', "N/A", "=1+1", "Zoë 😀", "x" * 255],
    "last_name": ["Silva", "O'Neil", "Li", "de la Cruz"],
    "full_name": ["Ana Silva", "Bo Li"],
    "title": ["Ms", "Dr."],
    "gender": ["m", "F", "u", "Male", "unknown"],
    "date_of_birth": ["1999-12-31", "2024-02-29", "0001-01-01"],
    "phone": ["+49 (30) 123-456", "112", "030/1234.5"],
    "mobile": ["+491701234567", "123456789012345"],
    "company": ["ACME GmbH", "Ça & Co"],
    "tax_number": ["DE123", "00042"],
    "primary_language": ["de", "EN"],
    "region": ["emea"],
    "parent": ["id3"],
    "groups": ["admins", "a, b ,,a", "x,y,z", "größe"],
    "addresses": ["[]", '[{"code":"home","city":"Berlin"}]', '[{"b":1,"a":[true,null,2.5]}]'],
    "password_hash": ["$2b$10$abc", " kept as it is "],
}
BAD = {
    "email": ["ana@", "@x.com", "a b@x.com", "a@@x.com", "a@b", "Ana <a@x.com>", "a@x..com", "a@-x.com"],
    "username": ["#N/A", "1.5E+10", "u" * 256, "bell\x07"],
    "first_name": ["x" * 256, "bell\x07"],
    "gender": ["x", "女", "mm"],
    "date_of_birth": ["2023-02-29", "31.12.1999", "tomorrow", "0000-01-01", "####"],
    "phone": ["12", "call me", "4.15556E+09", "1" * 16],
    "mobile": ["#N/A", "++49123"],
    "primary_language": ["deu", "d1"],
    "groups": ["g" * 101],
    "addresses": ["{}", "[1]", "nope", '[{"a":1]', "[NaN]"],
    "password_hash": ["p" * 1025],
    "source_id": ["#####", "2.5E+11", "i" * 256, "new\nline"],
    "language": ["e", "not a tag", "x" * 36],
    "source": ["s" * 256],
}
HEADERS = {"email": ["email", "E-Mail"], "first_name": ["first_name", "Vorname", "First Name"], "username": ["username", "userName"]}
OBJECTS = ["{}", '{"Shoe size":"41","x":1.5}', '{"Kostenstelle":null,"deep":{"a":[1,{}]}}', '{"größe":"42"}', "[1]", "{", '{"a":1,"b":null}']
EXTRA = ["attributes", "Shoe size", "Kostenstelle", "X,Y", "größe", "attributes.team"]


class World:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ids = [f"id{number}" for number in range(self.random.choice([3, 12, 40]))] + ["007", "7", "Ä"]

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def columns(self):
        """(header, field or None for an attribute), and the mapping that the options need."""
        fields = self.random.sample(sorted(GOOD), self.random.randrange(1, 9))
        key = self.random.choice(["source_id"] * 6 + ["username", "email"])
        fields = [key] + [name for name in fields if name != key]
        fields += [name for name, percent in (("language", 25), ("source", 25)) if self.chance(percent)]
        columns = [(self.random.choice(HEADERS.get(name, [name])), name) for name in fields]
        columns += [(name, None) for name in self.random.sample(EXTRA, self.random.randrange(3))]
        self.random.shuffle(columns)
        return columns

    def mapping(self, columns):
        mapping = {}
        for place, (header, name) in enumerate(columns):
            if name and header == name and self.chance(10):
                mapping[f"Spalte {place}"] = name
                columns[place] = (f"Spalte {place}", name)
            elif name is None and self.chance(15):
                mapping[header] = None
        return mapping

    def cell(self, name, header=""):
        if header == "attributes":
            return self.random.choice(OBJECTS + ["", ""])
        if name == "source_id":
            return self.random.choice(self.ids) if self.chance(93) else self.random.choice(BAD[name] + ["", " "])
        if name in BAD and self.chance(4):
            return self.random.choice(BAD[name])
        if self.chance(20):
            return self.random.choice(["", "", "  "]) if name != "password_hash" else ""
        if name == "language":
            return self.random.choice(["de", "en", "zh-Hant_TW"])
        if name == "source":
            return self.random.choice(["hr", "crm"])
        good = GOOD.get(name, ["41", "42", "text", "größer"])
        value = self.random.choice(good)
        if name in ("username", "email") and self.chance(60):
            value = f"{self.random.choice(self.ids[:-1])}{'@example.com' if name == 'email' else ''}"
        return f" {value}\t" if self.chance(5) and name != "password_hash" else value

    def written(self, value, delimiter):
        needed = any(char in value for char in f'{delimiter}"\r\n')
        if needed or self.chance(15):
            return '"' + value.replace('"', '""') + '"'
        return value

    def line(self, columns, delimiter):
        fate = self.random.randrange(100)
        if fate < 3:
            return ""
        if fate < 5:
            return delimiter * self.random.randrange(len(columns) + 2)
        cells = [self.written(self.cell(name, header), delimiter) for header, name in columns]
        if fate < 7 and len(cells) > 1:
            del cells[self.random.randrange(1, len(cells)):]
        elif fate < 9:
            cells += [self.random.choice(["", "", "extra"])] * self.random.randrange(1, 3)
        elif fate < 12:
            cells[self.random.randrange(len(cells))] = self.random.choice(['ab"c', '"abc"def', '"a\\"b"', 'x""', '"" '])
        return delimiter.join(cells)

    def step(self):
        columns = self.columns()
        options = {"resource": "users"}
        mapping = self.mapping(columns)
        if mapping:
            options["mapping"] = mapping
        delimiter = self.random.choice(",,,;\t|")
        if delimiter != "," or len(columns) < 3 or self.chance(30):
            options["delimiter"] = delimiter
        self.choose(options)
        header = delimiter.join(self.written(name, delimiter) for name, _ in columns)
        lines = [header] + [self.line(columns, delimiter) for _ in range(self.random.choice([0, 1, 5, 20, 60]))]
        end = self.random.choice(["\n", "\n", "\r\n", "\r\n", "\r"])
        text = end.join(lines) + self.random.choice(["", end, end, end + end])
        return {"options": options, "file": self.encoded(text, options).hex()}

    def choose(self, options):
        if self.chance(25):
            options["mode"] = self.random.choice(["create", "update"])
        if self.chance(30):
            options["blank"] = "ignore"
        if self.chance(40):
            options["ragged"] = "pad"
        if self.chance(20):
            options["dry_run"] = True
        if self.chance(15):
            options["max_failures"] = self.random.choice([0, 1, 3])
        if self.chance(20):
            options["source"] = "crm"

    def encoded(self, text, options):
        kind = self.random.randrange(10)
        if kind == 0:
            return text.encode("utf-8-sig")
        if kind == 1:
            return text.encode("utf-16")
        if kind == 2:
            options["encoding"] = "windows-1252"
            return text.encode("cp1252", errors="replace")
        return text.encode("utf-8")

    def history(self):
        steps = [self.step() for _ in range(self.random.randrange(2, 5))]
        again = self.random.choice(steps)
        return steps + [again, again]


def with_expectations(steps):
    table = {}
    for step in steps:
        expected = oracle.expect(bytes.fromhex(step["file"]), step["options"], table)
        table = {oracle.key_of(user): {name: value for name, value in user.items() if name not in cells.KEY}
                 for user in expected["users"]}
        yield {**step, "expected": expected}


if __name__ == "__main__":
    json.dump(list(with_expectations(World(int(sys.argv[1])).history())), sys.stdout)
