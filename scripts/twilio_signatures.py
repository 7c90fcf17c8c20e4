"""Twilio's own library signs a hundred callbacks; the service must accept each of them, and refuse each one
with a single changed character. Usage: twilio_signatures.py PATH/TO/practice-links"""

import hashlib
import json
import random
import string
import sys
import urllib.parse

from twilio.request_validator import RequestValidator

from service import Service, wait_for

TOKEN = "5f1d3c0a9b8e7f6a5d4c3b2a19080706"
CALLBACKS = 100
LETTERS = string.ascii_letters + string.digits + " +&=%/?#.,;:'\"<>äñ€日🛑\n"
STATUSES = ["queued", "sent", "delivered", "undelivered", "failed", "read", "teleported"]


def word(dice, most):
    return "".join(dice.choice(LETTERS) for _ in range(dice.randint(0, most)))


def parameters(dice):
    """The parameters that Twilio sends today, and unknown ones that it may add."""
    known = {
        "MessageSid": f"SM{dice.getrandbits(128):032x}",
        "AccountSid": "AC00000000000000000000000000000001",
        "From": "+14155552671",
        "To": "+15005550006",
        "Body": word(dice, 30),
        "MessageStatus": dice.choice(STATUSES),
        "ErrorCode": str(dice.choice([30003, 30005, 30450, 0, ""])),
    }
    kept = {name: value for name, value in known.items() if dice.random() < 0.8}
    return kept | {f"X{word(dice, 8)}": word(dice, 20) for _ in range(dice.randint(0, 4))}


def path(dice, attempts):
    place = dice.choice(["inbound", *attempts, f"dlv_{dice.getrandbits(128):032x}"])
    query = "?" + urllib.parse.urlencode({"a": word(dice, 8), "b": "1"}) if dice.random() < 0.3 else ""
    return f"/v1/callbacks/twilio/{place}{query}"


def post(service, where, body, kind, signature):
    status, _ = service.request("POST", where, body, {"content-type": kind, "x-twilio-signature": signature})
    return status


def form(service, signer, dice, where):
    fields = parameters(dice)
    signature = signer.compute_signature(service.url + where, fields)
    assert signer.validate(service.url + where, fields, signature)
    kind, body = "application/x-www-form-urlencoded", urllib.parse.urlencode(fields).encode()
    name = dice.choice(list(fields) or ["New"])
    changed = urllib.parse.urlencode(fields | {name: fields.get(name, "") + "x"}).encode()
    return (where, body, kind, signature), (where, changed, kind, signature)


def document(service, signer, dice, where):
    body = json.dumps(parameters(dice)).encode()
    where += ("&" if "?" in where else "?") + "bodySHA256=" + hashlib.sha256(body).hexdigest()
    signature = signer.compute_signature(service.url + where, {})
    assert signer.validate(service.url + where, body.decode(), signature)
    return (where, body, "application/json", signature), (where, body + b" ", "application/json", signature)


def main(binary):
    dice, signer = random.Random(20261123), RequestValidator(TOKEN)
    with Service(binary, twilio__auth_token=TOKEN) as service:
        verification, secret = service.start_verification()
        attempts = wait_for("an attempt", lambda: [id for (id,) in service.rows("SELECT id FROM deliveries")])
        for n in range(CALLBACKS):
            make = document if n % 5 == 4 else form
            signed, forged = make(service, signer, dice, path(dice, attempts))
            status = post(service, *forged)
            assert status == 403, f"callback {n}, changed: {status}"
            status = post(service, *signed)
            assert 200 <= status < 300, f"callback {n}: {status}"
        where = f"/v1/callbacks/twilio/{attempts[0]}"
        fields = {"MessageStatus": "delivered"}
        signature = signer.compute_signature(service.url + where, fields)
        post(service, where, b"MessageStatus=delivered", "application/x-www-form-urlencoded", signature)
        screen = service.call("GET", verification, bearer=secret)
        assert screen["verification"]["delivery"] == "delivered", screen
    print(f"{CALLBACKS} callbacks signed by PyPI twilio: all accepted, every changed copy refused; the delivery state is delivered")


if __name__ == "__main__":
    main(*sys.argv[1:])
