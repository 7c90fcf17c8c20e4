"""Verifies the webhook calls of a real sign-up with the reference library of Standard Webhooks, which
shares no code with the service. Usage: standard_webhooks.py PATH/TO/practice-links"""

import http.server
import json
import queue
import sys
import threading

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from service import PHONE, Service

PATIENT = {"given_name": "Alexandra", "family_name": "Rivera-Quist", "birth_date": "1987-05-31"}


class Sink(http.server.BaseHTTPRequestHandler):
    """Refuses the first call, so that it is repeated, and accepts the others."""

    heard = queue.Queue()
    answers = [503]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.answers.pop() if self.answers else 204
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
        self.heard.put((status, headers, body))

    def log_message(self, *_):
        pass


def next_call():
    status, headers, body = Sink.heard.get(timeout=20)
    return status, headers, body


def verify(secret, headers, body):
    """The payload, or None if the library refuses it."""
    try:
        return Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return None


def check_forgeries(secret, headers, body):
    assert verify(secret, headers, body + b" ") is None, "a changed body was accepted"
    assert verify(secret, headers | {"webhook-id": "evt_other"}, body) is None, "another id was accepted"
    late = str(int(headers["webhook-timestamp"]) + 1)
    assert verify(secret, headers | {"webhook-timestamp": late}, body) is None, "another timestamp was accepted"
    assert verify("whsec_" + "A" * 43 + "=", headers, body) is None, "another secret was accepted"


def check_sign_up(service, link, secret):
    made = service.sign_up(link["code"], PATIENT)
    calls = [next_call() for _ in range(3)]
    ids = [headers["webhook-id"] for _, headers, _ in calls]
    assert calls[0][0] == 503 and ids.count(ids[0]) == 2, "the refused call was not repeated"
    seen = {}
    for status, headers, body in calls:
        payload = verify(secret, headers, body)
        assert payload, f"refused by the library: {headers}"
        check_forgeries(secret, headers, body)
        assert payload["data"]["pairing_id"] == made["pairing"]["id"]
        assert payload["data"]["conversation_id"] == made["conversation"]["id"]
        for private in [*PATIENT.values(), PHONE, PHONE[-7:]]:
            assert private not in body.decode() + json.dumps(headers), "the call contains patient data"
        seen[payload["type"]] = headers["webhook-id"]
        print(f"verified: {payload['type']}, {len(body)} bytes, answered {status}")
    assert set(seen) == {"pairing.created", "conversation.created"}, seen


def check_rotation(service, link, hook, secret, token):
    fresh = service.call("POST", f"/v1/practice/webhooks/{hook}/rotate", bearer=token)["secret"]
    service.call("PATCH", f"/v1/practice/links/{link['id']}", {"label": "Front door"}, token)
    _, headers, body = next_call()
    assert len(headers["webhook-signature"].split(" ")) == 2
    for one in (secret, fresh):
        payload = verify(one, headers, body)
        assert payload and payload["type"] == "link.changed"
    print("verified: link.changed, by the old secret and by the new one")


def walk(binary):
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with Service(binary, webhooks__allow_private="true") as service:
        token = service.staff_token("Elm Dental")
        link = service.call("GET", "/v1/practice/links", bearer=token)["items"][0]
        address = f"http://127.0.0.1:{sink.server_address[1]}/in"
        made = service.call("POST", "/v1/practice/webhooks", {"url": address}, token)
        check_sign_up(service, link, made["secret"])
        check_rotation(service, link, made["webhook"]["id"], made["secret"], token)


if __name__ == "__main__":
    walk(sys.argv[1])
    print("every call was verified")
