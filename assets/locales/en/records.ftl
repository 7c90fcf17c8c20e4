records-a-patient-who-seems-to-be = A patient who seems to be missing may be in one of them. The results list them row by row: fix them in the file and import it again. If they cannot be fixed, import it again and check the box to skip them.
records-a-table-csv-with-headings-for = A table (.csv) with headings for at least record number, given name and family name, or FHIR R4 patients (.json, .ndjson).
records-all-of-these-values-are-compared = All of these values are compared when a patient connects.
records-an-admin-of-your-practice-can = An admin of your practice can do that.
records-another-import-is-running-wait-until = Another import is running. Wait until it finishes, then send this file.
records-cancel-import = Cancel import
records-changed = Changed
records-common-headings = The usual headings are recognized in each language of this console. Enter only those that were not found.
records-current = Current
records-current-and-previous-values = Current and previous values
records-day-first-31-05-1987 = Day first: 31/05/1987
records-download-row-by-row-results = Download row-by-row results
records-family-name = Family name
records-file = File
records-format-of-dates-with-slashes = Format of dates with slashes
records-go-to-records = Go to records
records-import = Import
records-import-again = Import again
records-import-canceled = Import canceled
records-import-failed = Import failed
records-import-finished = Import finished
records-import-finished-but-no-records-were = Import finished, but no records were made inactive
records-import-import-form = Import
records-import-of = Import of
records-import-records = Import records
records-import-your-patient-list = Import your patient list
records-imports = Imports
records-inactive = Inactive
records-kind-birth-date = Birth date
records-known-since = known since
records-last-changed = Last changed
records-left-out =
    { $left_out ->
        [one] 1 of your { $before } active records is not on the list and stays active.
       *[other] { $left_out } of your { $before } active records are not on the list and stay active.
    }
records-made-inactive-because-they-are-not = Made inactive because they are not on the list
records-mobile-or-phone = Mobile or phone
records-month-first-05-31-1987 = Month first: 05/31/1987
records-my-columns-have-other-headings = My columns have other headings
records-name-record-number-phone-or-e = Name, record number, phone or e-mail
records-new-records = New records
records-no-column = { $column }: no column found. Enter the heading used in your file.
records-no-matching-records-check-the-spelling = No matching records. Check the spelling, or search for part of it.
records-not-on-the-list-but-still = Not on the list but still active
records-of-these-rows-that-do-not = Of these, rows that do not identify a patient
records-phone-number = Phone number
records-please-choose-the-file-again = Please choose the file again.
records-previous = Previous
records-previous-imports = Previous imports
records-progress = { $done } of { $total } rows ({ $percent } %)
records-record-number = Record number
records-refused = Refused
records-results = Results
records-rows-imported-so-far-are-kept = Rows imported so far are kept. Send the same file again: no record is duplicated.
records-rows-imported-so-far-are-kept-import = Rows imported so far are kept.
records-search = Search
records-skip-rows-that-do-not-identify = Skip rows that do not identify a patient: patients who are on no other row may become inactive
records-some-records-all-others-stay-as = Some records: all others stay as they are
records-summary = { $created } new, { $changed } changed, { $unchanged } unchanged, { $refused } refused
records-that-is-more-than-half-so = That is more than half, so this may not be the file you meant. If the list is correct, import it again and check the box that says so. If not, import the right one.
records-the-complete-list-is-correct-more = The complete list is correct: more than half of the active records may become inactive
records-the-complete-list-patients-who-are = The complete list: patients who are not on it become inactive
records-the-inbox-then-shows-whether-a = The inbox then shows whether a new patient matches your records. A table from your practice software is enough.
records-this-file-is-too-large-the = This file is too large: the limit is 64 MB. Send it in parts.
records-this-page-updates-itself-you-can = This page updates itself. You can leave it: the import continues.
records-unchanged = Unchanged
records-unread =
    { $rows ->
        [one] 1 refused row does not identify a patient.
       *[other] { $rows } refused rows do not identify a patient.
    }
records-what-the-file-contains = What the file contains
records-wrong = This file cannot be read. Save it as CSV and try again.
records-wrong-encoding-unknown = Save the file as “CSV UTF-8” and send it again.
records-wrong-no-file = Choose a file.
records-wrong-no-rows = The file contains no patients.
records-wrong-not-a-bundle = This is not a FHIR Bundle. Send a Bundle (.json), one resource per line (.ndjson), or a table (.csv).
records-wrong-row-too-long = A row does not end: a closing quotation mark is missing. Save the file as CSV again.
records-your-file-has = Your file has:
records-your-last-import = Your last import:
