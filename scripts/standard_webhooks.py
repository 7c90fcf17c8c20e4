"""Verifies what the service really posts to a practice's machine during a sign-up, with the reference library of
Standard Webhooks, which shares nothing with the service. Usage: standard_webhooks.py PATH/TO/practice-links"""

import http.server
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PATIENT = {"given_name": "Alexandra", "family_name": "Rivera-Quist", "birth_date": "1987-05-31"}
PHONE = "+14155552671"


class Sink(http.server.BaseHTTPRequestHandler):
    """Refuses the first call, so that it comes again, and takes the others."""

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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, url, body=None, token=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def wait_for(url):
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=2)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the service did not start")


def admin(binary, environment, folder, *arguments):
    return subprocess.run(
        [binary, "admin", *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def sign_up(url, code):
    link = call("POST", f"{url}/v1/link-tokens", {"code": code, "source": "typed"})["link_token"]
    started = call("POST", f"{url}/v1/verifications", {"phone": PHONE, "link_token": link})
    secret, path = started["client_secret"], f"{url}/v1/verifications/{started['verification']['id']}/checks"
    for _ in range(50):
        caught = call("GET", f"{url}/dev/messages?to={urllib.parse.quote(PHONE)}")["items"]
        if caught:
            break
        time.sleep(0.1)
    proof = call("POST", path, {"code": caught[0]["code"]}, secret)["phone_proof"]
    return call("POST", f"{url}/v1/accounts", PATIENT | {"phone_proof": proof, "link_token": link})


def next_call():
    status, headers, body = Sink.heard.get(timeout=20)
    return status, headers, body


def verify(secret, headers, body):
    """The payload, or None where the library refuses it."""
    try:
        return Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return None


def check_forgeries(secret, headers, body):
    assert verify(secret, headers, body + b" ") is None, "a changed body passed"
    assert verify(secret, headers | {"webhook-id": "evt_other"}, body) is None, "another id passed"
    late = str(int(headers["webhook-timestamp"]) + 1)
    assert verify(secret, headers | {"webhook-timestamp": late}, body) is None, "another time passed"
    assert verify("whsec_" + "A" * 43 + "=", headers, body) is None, "another secret passed"


def check_sign_up(url, link, secret):
    made = sign_up(url, link["code"])
    calls = [next_call() for _ in range(3)]
    ids = [headers["webhook-id"] for _, headers, _ in calls]
    assert calls[0][0] == 503 and ids.count(ids[0]) == 2, "the refused call did not come again"
    seen = {}
    for status, headers, body in calls:
        payload = verify(secret, headers, body)
        assert payload, f"refused by the library: {headers}"
        check_forgeries(secret, headers, body)
        assert payload["data"]["pairing_id"] == made["pairing"]["id"]
        assert payload["data"]["conversation_id"] == made["conversation"]["id"]
        for private in [*PATIENT.values(), PHONE, PHONE[-7:]]:
            assert private not in body.decode() + json.dumps(headers), "a patient's detail is in it"
        seen[payload["type"]] = headers["webhook-id"]
        print(f"verified: {payload['type']}, {len(body)} bytes, answered {status}")
    assert set(seen) == {"pairing.created", "conversation.created"}, seen


def check_rotation(url, link, hook, secret, token):
    fresh = call("POST", f"{url}/v1/practice/webhooks/{hook}/rotate", token=token)["secret"]
    call("PATCH", f"{url}/v1/practice/links/{link['id']}", {"label": "Front door"}, token)
    _, headers, body = next_call()
    assert len(headers["webhook-signature"].split(" ")) == 2
    for one in (secret, fresh):
        payload = verify(one, headers, body)
        assert payload and payload["type"] == "link.changed"
    print("verified: link.changed, by the old secret and by the new one")


def walk(binary, folder):
    port, sink = free_port(), http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "PRACTICE_LINKS_LISTEN": f"127.0.0.1:{port}",
        "PRACTICE_LINKS_DATA_DIR": os.path.join(folder, "data"),
        "PRACTICE_LINKS_WEBHOOKS__ALLOW_PRIVATE": "true",
    }
    server = subprocess.Popen([binary], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(url)
        new = ["--name", "Elm Dental", "--city", "Springfield", "--plan", "communicator"]
        practice = admin(binary, environment, folder, "practice", "create", *new).split()[0]
        new = ["--practice", practice, "--email", "a@b.example", "--name", "Ana", "--role", "admin"]
        token = re.search(r"^token\s+(\S+)$", admin(binary, environment, folder, "staff", "create", *new), re.M).group(1)
        link = call("GET", f"{url}/v1/practice/links", token=token)["items"][0]
        address = f"http://127.0.0.1:{sink.server_address[1]}/in"
        made = call("POST", f"{url}/v1/practice/webhooks", {"url": address}, token)
        check_sign_up(url, link, made["secret"])
        check_rotation(url, link, made["webhook"]["id"], made["secret"], token)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=40)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        walk(os.path.abspath(sys.argv[1]), scratch)
    print("every call verifies")
