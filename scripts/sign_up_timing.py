"""Checks that a sign-up does not reveal whether the practice has a record: same status, body and time.

`python3 scripts/sign_up_timing.py PATH/TO/practice-links [postgres://EMPTY_DATABASE] [RUNS]` signs up 500
people with a record at the practice and 500 without, in turns, and compares statuses, bodies (without the
parts that differ between any two sign-ups) and mean times; the means may differ by 5 ms. At the end it
prints how long after its pairing each conversation was graded.
"""

import http.client
import json
import random
import re
import statistics
import sys
import time
import urllib.parse
from datetime import date, datetime, timedelta

from service import Service, wait_for

ALLOWED_MS = 5
SECRETS = re.compile(r"eyJ[\w.-]+|\b[a-z]{2,4}_[\w-]{20,}|\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?|•+ \d{4}|Pat[a-z]{4}|Riv[a-z]{4}")


def born(n):
    """A unique birth date: names one typo apart with the same birth date would match another person."""
    return (date(1950, 1, 1) + timedelta(days=17 * n)).isoformat()


def name(n):
    letters = "".join(chr(ord("a") + n // 26**place % 26) for place in range(4))
    return {"given_name": f"Pat{letters}", "family_name": f"Riv{letters}", "birth_date": born(n)}


def phone(n):
    return f"+1415555{1000 + n:04}"


def table(people):
    rows = ["MRN,First name,Last name,DOB,Mobile"]
    rows += [f"M-{n},{name(n)['given_name']},{name(n)['family_name']},{born(n)},{phone(n)}" for n in people]
    return "\n".join(rows).encode()


class Patient:
    """A client that signs people up over one connection."""

    def __init__(self, service, code):
        self.service, self.code = service, code
        self.line = http.client.HTTPConnection(service.url.removeprefix("http://"))

    def post(self, path, body, bearer=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
        began = time.perf_counter()
        self.line.request("POST", path, json.dumps(body), headers)
        answer = self.line.getresponse()
        text = answer.read().decode()
        return answer.status, text, (time.perf_counter() - began) * 1000

    def sign_up(self, n):
        """Signs a person up; returns the responses without unique values, the time, the conversation id."""
        _, link, first = self.post("/v1/link-tokens", {"code": self.code, "source": "typed"})
        link = json.loads(link)["link_token"]
        _, made, second = self.post("/v1/verifications", {"phone": phone(n), "link_token": link})
        made = json.loads(made)
        caught = "/dev/messages?" + urllib.parse.urlencode({"to": phone(n)})
        code = wait_for("the code", lambda: self.service.call("GET", caught)["items"])[0]["code"]
        checks = f"/v1/verifications/{made['verification']['id']}/checks"
        status, checked, third = self.post(checks, {"code": code}, made["client_secret"])
        proof = {"phone_proof": json.loads(checked)["phone_proof"], "link_token": link}
        made_status, account, fourth = self.post("/v1/accounts", name(n) | proof)
        assert made_status == 201, account
        # Whether the text is marked as sent by then depends on the worker's timing, with and without a
        # record.
        checked = re.sub(r'"delivery":"\w+"', "", SECRETS.sub("*", checked))
        shape = (status, checked, made_status, SECRETS.sub("*", account))
        return shape, first + second + third + fourth, json.loads(account)["conversation"]["id"]


def practice(service):
    """Makes a practice; returns its admin's token and the code of its link."""
    token = service.staff_token("Elm Street Dental")
    return token, service.call("GET", "/v1/practice/links", bearer=token)["items"][0]["code"]


def import_records(service, token, people):
    headers = {"content-type": "text/csv", "authorization": f"Bearer {token}"}
    _, answer = service.request("POST", "/v1/practice/records/import", table(people), headers)
    path = f"/v1/practice/records/imports/{json.loads(answer)['import']['id']}"
    over = wait_for("the import", lambda: (is_ := service.call("GET", path, bearer=token)["import"])["state"] == "done" and is_)
    assert over["rows"]["created"] == len(people), over


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def graded_after(service, token, conversations, grade):
    """The seconds from each pairing to its grade; every grade must be the expected one."""
    waits = []
    for id in conversations:
        path = f"/v1/practice/conversations/{id}"
        identity = lambda: (is_ := service.call("GET", f"{path}/identity", bearer=token)["identity"])["graded_at"] and is_
        graded = wait_for("the grade", identity)
        assert graded["grade"] == grade, (graded["grade"], len(graded["candidates"]))
        waits.append((moment(graded["graded_at"]) - moment(graded["since"])).total_seconds())
    return waits


def main(binary, *rest):
    database = next((word for word in rest if word.startswith("postgres")), None)
    runs = next((int(word) for word in rest if word.isdigit()), 500)
    known, unknown = list(range(0, 2 * runs, 2)), list(range(1, 2 * runs, 2))
    settings = {"limits__scale": "1000000"} | ({"database__url": database} if database else {})
    with Service(binary, **settings) as service:
        token, code = practice(service)
        import_records(service, token, known)
        patient, found = Patient(service, code), {}
        # In turns and in random order, so that noise of the machine affects both groups alike.
        dice = random.Random(1)
        for pair in zip(known, unknown):
            for n in dice.sample(pair, 2):
                found[n] = patient.sign_up(n)
        shapes = {shape for shape, _, _ in found.values()}
        assert len(shapes) == 1, f"the responses differ: {shapes}"
        took = [[found[n][1] for n in group] for group in (known, unknown)]
        means = [statistics.mean(group) for group in took]
        for who, group, mean in zip(("on record", "not on record"), took, means):
            print(f"{who}: mean {mean:.2f} ms, median {statistics.median(group):.2f} ms, of {len(group)} sign-ups")
        waits = [graded_after(service, token, [found[n][2] for n in group], grade)
                 for group, grade in ((known, "certain"), (unknown, "none"))]
        print(f"graded after at most {max(map(max, waits)):.2f} s; statuses and bodies are the same")
        assert abs(means[0] - means[1]) < ALLOWED_MS, f"the means are {abs(means[0] - means[1]):.1f} ms apart"


main(*sys.argv[1:])
