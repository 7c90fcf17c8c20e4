"""Writes tests/data/last_release: a database with something in every corner, made by a released binary, which the test
`database_of_the_last_release_is_taken_over` opens with the new one. Run it with each release, before the next schema.
Usage: release_fixture.py PATH/TO/released/practice-links FOLDER"""

import os
import re
import shutil
import sqlite3
import sys

from service import PHONE, Service, wait_for


def sign_up(service, phone, given_name):
    person = {"given_name": given_name, "family_name": "Rivera", "email": f"{given_name.lower()}@example.com",
              "birth_date": "1987-05-31"}
    return service.sign_up("123456", person, phone)


def staff(service, practice, name, role):
    new = ["--practice", practice, "--email", f"{name}@elm.example", "--name", name, "--role", role]
    lines = service.admin("staff", "create", *new)
    return re.search(r"stf_\w+", lines).group(0), re.search(r"eyJ\S+", lines).group(0)


def fill(service):
    practice = service.admin("practice", "list").split()[0]
    admin_id, admin = staff(service, practice, "ana", "admin")
    member_id, member = staff(service, practice, "bo", "member")
    team = re.search(r"tem_\w+", service.admin(
        "team", "create", "--practice", practice, "--name", "Front desk", "--member", member_id)).group(0)
    for body in (
        {"label": "Poster", "tags": ["poster"], "owner": {"kind": "team", "id": team}, "notify": [member_id]},
        {"label": "Own", "owner": {"kind": "staff", "id": member_id}, "assignee_id": member_id, "members": [admin_id]},
    ):
        made = service.call("POST", "/v1/practice/links", body, admin)["link"]
    for state in ("paused", "active", "retired"):
        service.call("PATCH", f"/v1/practice/links/{made['id']}", {"state": state}, admin)
    hook = {"url": "https://hooks.example.org/in", "label": "Software", "events": ["pairing.created"]}
    service.call("POST", "/v1/practice/webhooks", hook, admin)
    rows = "MRN,First,Last,Date of birth,Mobile,E-mail\n1,Alex,Rivera,1987-05-31,(415) 555-2671,alex@example.com\n"
    headers = {"authorization": f"Bearer {admin}", "content-type": "text/csv"}
    status, answer = service.request("POST", "/v1/practice/records/import?mode=merge&dates=mdy", rows.encode(), headers)
    assert status == 202, answer
    invite = {"name": "Sam Stone", "phone": "+14155552672", "email": "sam@example.com"}
    service.call("POST", "/v1/practice/invites", invite, admin)
    alex = sign_up(service, PHONE, "Alex")
    conversation = alex["conversation"]["id"]
    bearer = alex["session"]["access_token"]
    child = {"given_name": "Mia", "family_name": "Rivera", "relation": "child"}
    service.call("POST", "/v1/me/patients", child, bearer)
    path = f"conversations/{conversation}/entries"
    service.call("POST", f"/v1/me/{path}", {"body": "Hello"}, bearer)
    service.call("POST", f"/v1/practice/{path}", {"body": "Hello Alex", "acknowledge_unverified": True}, member)
    decision = {"decision": "confirm", "method": "call_back"}
    service.call("POST", f"/v1/practice/conversations/{conversation}/identity/decisions", decision, admin)
    ben = sign_up(service, "+14155552673", "Ben")["conversation"]["id"]
    path = f"/v1/practice/conversations/{ben}/identity/decisions"
    service.call("POST", path, {"decision": "reject", "block": True}, admin)
    settings = {"person": member_id, "frequency": "daily"}
    service.call("PATCH", "/v1/practice/notifications", settings, admin)


def main(binary, folder):
    with Service(binary) as service:
        fill(service)
        wait_for("the outbox", lambda: not service.rows("SELECT 1 FROM outbox WHERE state = 'leased'"))
        data = os.path.join(service.folder.name, "data")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.join(data, "keys.json"), folder)
        with sqlite3.connect(os.path.join(data, "practice-links.db")) as database:
            dump = "\n".join(database.iterdump())
        with open(os.path.join(folder, "database.sql"), "w", encoding="utf-8") as file:
            file.write(dump + "\n")
    print(f"{len(dump)} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
