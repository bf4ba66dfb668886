"""The oracle's own tests: python3 -m unittest discover -s tests/oracle"""

import unittest

import cells
import oracle
import records


def run(text, start=(), **options):
    table = {oracle.key_of(user): oracle.plain_user(user) for user in start}
    return oracle.expect(text.encode(), options, table)


def counted(answer):
    return {name: number for name, number in answer["counts"].items() if number and name not in ("total", "read")}


class Records(unittest.TestCase):
    def cells(self, text, delimiter=","):
        return [record.cells for record in records.read(text, delimiter)]

    def test_line_ends_and_quotes(self):
        self.assertEqual(self.cells("a,b\r\n1,2\n3,4\r5,6"), [["a", "b"], ["1", "2"], ["3", "4"], ["5", "6"]])
        self.assertEqual(self.cells('"a ""b"", c","d\ne"\n'), [['a "b", c', "d\ne"]])
        self.assertEqual(self.cells("a,\n,b\n"), [["a", ""], ["", "b"]])

    def test_blank_lines_are_records(self):
        self.assertEqual([record.is_blank() for record in records.read('a\n\n""\n , \n,,\n', ",")], [False, True, True, False, True])

    def test_misplaced_quotes(self):
        bad = [record.bad_quote for record in records.read('ab"c,x\n"abc"def,x\n"a\\"b",x\nok,"fine"\n', ",")]
        self.assertEqual(bad, [True, True, True, False])
        with self.assertRaises(records.Refused):
            records.read('a,"b\nc', ",")

    def test_encodings(self):
        self.assertEqual(records.decode(b"\xef\xbb\xbfa"), "a")
        self.assertEqual(records.decode("ä€".encode("cp1252"), "windows-1252"), "ä€")
        self.assertEqual(records.decode("\ufeffä".encode("utf-16-le")), "ä")
        with self.assertRaises(records.Refused):
            records.decode(b"caf\xe9")

    def test_delimiters(self):
        self.assertEqual(records.detect_delimiter('"a,b,c";d;e\n1,2,3,4\n'), ";")
        self.assertEqual(records.detect_delimiter("email\na@x.com\n"), ",")


class Cells(unittest.TestCase):
    def codes(self, name, *texts):
        def code(text):
            try:
                cells.check(name, text)
            except cells.Wrong as wrong:
                return wrong.code
            return None

        return {code(text) for text in texts}

    def test_emails(self):
        self.assertEqual(cells.check("email", "Ana@Example.COM"), "Ana@example.com")
        self.assertEqual(self.codes("email", "ana@", "@x.com", "ana", "a@b", "a b@x.com", "a@@x.com", '"a"@x.com', "a@x.com.",
                                    "a@-x.com", "Ana <a@x.com>", "a@x..com", "a" * 65 + "@x.com"), {"invalid-email"})

    def test_phones_dates_and_damage(self):
        self.assertEqual(self.codes("phone", "+49 (30) 123-456", "112"), {None})
        self.assertEqual(self.codes("phone", "12", "1" * 16, "call me"), {"invalid-phone"})
        self.assertEqual(self.codes("phone", "4.15556E+09", "#N/A", "#####"), {"spreadsheet-damage"})
        self.assertEqual(self.codes("source_id", "1.5E+10"), {"spreadsheet-damage"})
        self.assertEqual(self.codes("date_of_birth", "2024-02-29", "0001-01-01"), {None})
        self.assertEqual(self.codes("date_of_birth", "2023-02-29", "0000-01-01", "tomorrow", "2024-2-9"), {"invalid-date"})

    def test_words(self):
        self.assertEqual(cells.check("gender", "Female"), "f")
        self.assertEqual(self.codes("gender", "x"), {"invalid-choice"})
        self.assertEqual(cells.check("groups", "a, b ,,a"), ["a", "b"])
        self.assertEqual(cells.check("primary_language", "DE"), "de")
        self.assertEqual(self.codes("language", "zh-Hant_TW"), {None})
        self.assertEqual(self.codes("language", "e", "german language"), {"invalid-language"})
        self.assertEqual(self.codes("addresses", "{}", "[1]", "[NaN]", '[{"a":"\\ud800"}]', "[{]"), {"invalid-json"})
        self.assertEqual(self.codes("first_name", "x" * 256), {"too-long"})
        self.assertEqual(self.codes("first_name", "a\x00b"), {"control-character"})


class Imports(unittest.TestCase):
    def test_duplicates_act_row_by_row(self):
        answer = run("source_id,first_name\n1,a\n1,b\n1,b\n2,c\n1,\n")
        self.assertEqual(counted(answer), {"created": 2, "updated": 2, "unchanged": 1})
        self.assertEqual([user.get("first_name") for user in answer["users"]], [None, "c"])

    def test_a_bad_row_leaves_its_key_alone(self):
        answer = run("source_id,email\n1,a@x.com\n1,broken\n")
        self.assertEqual(counted(answer), {"created": 1, "failed": 1})
        self.assertEqual(answer["failed"], [{"record": 2, "codes": ["email:invalid-email"], "cells": ["1", "broken"]}])
        self.assertEqual(answer["users"][0]["email"], "a@x.com")

    def test_all_errors_of_a_row_at_once(self):
        answer = run("source_id,email,phone\n,x,y\n")
        self.assertEqual(answer["failed"][0]["codes"], ["email:invalid-email", "phone:invalid-phone", "source_id:required"])
        self.assertEqual(answer["status"], "failed")

    def test_blanks(self):
        start = [{"source": "import", "source_id": "1", "first_name": "a", "attributes": {"x": "y"}}]
        self.assertEqual(run("source_id,first_name,x\n1,,\n", start)["users"], [
            {"source": "import", "source_id": "1", "language": "", "attributes": {}}])
        self.assertEqual(counted(run("source_id,first_name,x\n1,,\n", start, blank="ignore")), {"unchanged": 1})

    def test_modes_and_dry_run(self):
        start = [{"source": "import", "source_id": "1"}]
        text = "source_id,first_name\n1,a\n2,b\n2,c\n"
        self.assertEqual(counted(run(text, start, mode="create")), {"created": 1, "failed": 2})
        self.assertEqual(counted(run(text, start, mode="update")), {"updated": 1, "failed": 2})
        dry = run(text, start, dry_run=True)
        self.assertEqual(counted(dry), {"created": 1, "updated": 2})
        self.assertEqual(len(dry["users"]), 1)

    def test_ragged_rows_and_a_limit_of_failures(self):
        text = "source_id,first_name\n1\n2,b,\n3,c,d\n4,d\n"
        self.assertEqual(counted(run(text)), {"created": 1, "failed": 3})
        self.assertEqual(counted(run(text, ragged="pad")), {"created": 3, "failed": 1, "warnings": 2})
        stopped = run(text, max_failures=1)
        self.assertEqual(counted(stopped), {"failed": 2, "unprocessed": 2})
        self.assertEqual(stopped["status"], "failed")

    def test_keys_and_columns(self):
        answer = run("E-Mail,username,Shoe,_import_row\na@X.com,,41,7\n", key="email", mapping={"Shoe": "attributes.size"})
        self.assertEqual(answer["users"][0], {"source": "import", "source_id": "a@x.com", "language": "", "email": "a@x.com",
                                              "attributes": {"size": "41"}})
        with self.assertRaises(records.Refused):
            run("first_name\na\n")


class Compare(unittest.TestCase):
    def test_says_the_first_difference(self):
        expected = run("source_id,email\n1,a@x.com\n2,broken\n")
        shown = {"status": "partial", "counts": dict(expected["counts"])}
        failed = '_import_row,_import_codes,_import_error,source_id,email\n3,email:invalid-email,"email: no",2,broken\n'
        users = [{"id": 5, "source": "import", "source_id": "1", "email": "a@x.com", "attributes": {}}]
        self.assertIsNone(oracle.compare(expected, shown, users, failed))
        self.assertIn("missing", oracle.compare(expected, shown, [], failed))
        self.assertIn("email", oracle.compare(expected, shown, [{**users[0], "email": "b@x.com"}], failed))
        self.assertIn("codes", oracle.compare(expected, shown, users, failed.replace("email:invalid-email", "required")))
        self.assertIn("cells", oracle.compare(expected, shown, users, failed.replace("2,broken", "2,mended")))
        shown["counts"]["created"] = 2
        self.assertIn("counts.created: 2, expected 1", oracle.compare(expected, shown, users, failed))


if __name__ == "__main__":
    unittest.main()
