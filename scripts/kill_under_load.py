"""Kills the service again and again while patients sign up, and compares what they were told with the database.

`python3 scripts/kill_under_load.py PATH/TO/practice-links [postgres://EMPTY_DATABASE] [KILLS]`. Sixteen clients
sign up without a pause and, as the app does, repeat a request with its `Idempotency-Key` when the connection is
lost. The service gets SIGKILL after two to four seconds, five times, and is started again. Then it is checked
that nothing is lost and nothing is doubled: accounts, patients, pairings, conversations, texts, events and their
chain, notices, statistics and grades.

PostgreSQL is read by `psql`.
"""

import collections
import http.client
import http.server
import json
import random
import re
import subprocess
import sys
import threading
import time
import urllib.parse

from service import Service, wait_for

CLIENTS = 16
ACCEPTED = b'{"sid":"SM00000000000000000000000000000001","status":"queued"}'


class Gateway(http.server.ThreadingHTTPServer):
    """Takes texts as Twilio does."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.texts = collections.defaultdict(list)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.texts[form["To"][0]].append(re.search(r"\d{6}", form["Body"][0]).group())
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ACCEPTED)))
        self.end_headers()
        self.wfile.write(ACCEPTED)

    def log_message(self, *_):
        pass


class Ledger:
    """What the clients were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.verified = {}
        self.accounts = {}
        self.repeated = 0

    def number(self):
        with self.lock:
            self.next += 1
            return self.next


class Client(threading.Thread):
    def __init__(self, service, gateway, ledger, is_over):
        super().__init__()
        self.service, self.gateway, self.ledger, self.is_over = service, gateway, ledger, is_over
        self.line = None
        self.start()

    def run(self):
        while not self.is_over.is_set():
            self.sign_up(self.ledger.number())

    def post(self, path, body, n, bearer=None):
        """Repeats the request with the same key until there is an answer."""
        headers = {"content-type": "application/json", "x-forwarded-for": f"10.9.{n >> 8 & 255}.{n & 255}"}
        headers["idempotency-key"] = f"key-{n}-{path}"
        headers |= {"authorization": f"Bearer {bearer}"} if bearer else {}
        while True:
            try:
                self.line = self.line or http.client.HTTPConnection(self.service.url.removeprefix("http://"), timeout=30)
                self.line.request("POST", path, json.dumps(body), headers)
                answer = self.line.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException):
                self.line = None
                with self.ledger.lock:
                    self.ledger.repeated += 1
                time.sleep(0.1)
                continue
            if answer.status == 503:
                time.sleep(0.1)
                continue
            assert answer.status in (200, 201), f"{path}: {answer.status} {text}"
            return json.loads(text)

    def sign_up(self, n):
        phone = f"+1415{2000000 + n}"
        token = self.post("/v1/link-tokens", {"code": "123456", "source": "typed"}, n)["link_token"]
        made = self.post("/v1/verifications", {"phone": phone, "link_token": token}, n)
        self.ledger.verified[phone] = made["verification"]["id"]
        code = wait_for(f"the text to {phone}", lambda: self.gateway.texts[phone], 60)[0]
        checks = f"/v1/verifications/{made['verification']['id']}/checks"
        proof = self.post(checks, {"code": code}, n, made["client_secret"])["phone_proof"]
        body = {"phone_proof": proof, "link_token": token, "given_name": "Pat", "family_name": f"Rivera{n}"}
        self.ledger.accounts[phone] = self.post("/v1/accounts", body, n)


class Database:
    def __init__(self, service, url):
        self.service, self.url = service, url

    def rows(self, query):
        if not self.url:
            return [tuple(str(value) for value in row) for row in self.service.rows(query)]
        command = ["psql", self.url, "-AtF", "\t", "-c", query]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [tuple(line.split("\t")) for line in output.splitlines()]

    def number(self, query):
        return int(self.rows(query)[0][0])


def check(what, found, expected):
    print(f"{what}: {found}, expected {expected}")
    assert found == expected, what


def compare(ledger, gateway, database):
    told = ledger.accounts
    by_phone = dict(database.rows("SELECT phone, id FROM accounts WHERE phone LIKE '+1415%'"))
    check("accounts", len(by_phone), len(told))
    check("accounts with the id that was told", sum(by_phone[p] == a["account"]["id"] for p, a in told.items()), len(told))
    for table, key in [("patients", "patient"), ("pairings", "pairing"), ("conversations", "conversation")]:
        ids = [row[0] for row in database.rows(f"SELECT id FROM {table}")]
        check(table, len(ids), len(told))
        check(f"{table} that were told", len(set(ids) & {account[key]["id"] for account in told.values()}), len(told))
    check("verifications", database.number("SELECT count(*) FROM verifications"), len(ledger.verified))
    check("numbers with a text", sum(bool(gateway.texts[phone]) for phone in ledger.verified), len(ledger.verified))
    # A text whose sending was under way at a kill may have arrived, and is sent once more.
    twice = sum(len(texts) > 1 for texts in gateway.texts.values())
    again = database.number("SELECT count(*) FROM outbox WHERE topic = 'verification_code' AND attempts > 1")
    print(f"texts that arrived twice: {twice}; messages that a kill interrupted: {again}")
    assert twice <= again and max(map(len, gateway.texts.values())) <= 2
    kinds = dict(database.rows("SELECT kind, count(*) FROM events GROUP BY kind"))
    check("events account.created", int(kinds["account.created"]), len(told))
    check("events pairing.created", int(kinds["pairing.created"]), len(told))
    check("events verification.approved", int(kinds["verification.approved"]), len(told))
    check("events without a number", database.number("SELECT count(*) FROM events WHERE seq IS NULL"), 0)
    count, last = database.rows("SELECT count(*), max(seq) FROM events")[0]
    check("numbers of events, without a gap", last, count)
    # The first ten of a quarter of an hour are told of one by one, the others in a digest.
    single = database.number("SELECT count(*) FROM outbox WHERE topic = 'notice_new_pairing'")
    check("pairings in notices", single + database.number("SELECT coalesce(sum(count), 0) FROM digests"), len(told))
    for step in ["verified", "paired"]:
        counted = database.number(f"SELECT sum(count) FROM funnel_counts WHERE step = '{step}'")
        check(f"statistics, {step}", counted, len(told))
    check("grades", database.number("SELECT count(*) FROM identity_grades"), len(told))
    check("parked events", database.number("SELECT count(*) FROM parked_events"), 0)


def main(binary, url=None, kills=5):
    gateway, ledger, is_over = Gateway(), Ledger(), threading.Event()
    settings = {
        "limits__scale": "1000000", "trusted_proxies": "127.0.0.1/32", "verification__countries": "US",
        "sms__provider": "twilio", "twilio__base_url": f"http://127.0.0.1:{gateway.server_port}",
        "twilio__account_sid": "AC00000000000000000000000000000001", "twilio__auth_token": "0" * 32,
        "twilio__from": "+14155552671", "outbox__sms_per_second": "100000", "log__level": "error",
    }
    settings |= {"database__url": url} if url else {}
    with Service(binary, **settings) as service:
        database = Database(service, url)
        clients = [Client(service, gateway, ledger, is_over) for _ in range(CLIENTS)]
        for _ in range(int(kills)):
            time.sleep(random.uniform(2, 4))
            service.kill()
            service.start()
        time.sleep(3)
        is_over.set()
        for client in clients:
            client.join()
        print(f"{len(ledger.accounts)} sign-ups, {kills} kills, {ledger.repeated} requests repeated")
        open_rows = "SELECT count(*) FROM outbox WHERE topic = 'verification_code' AND settled_at IS NULL"
        wait_for("the outbox", lambda: database.number(open_rows) == 0, 120)
        behind = "SELECT count(*) FROM events WHERE seq IS NULL"
        wait_for("the event log", lambda: database.number(behind) == 0, 30)
        heads = "SELECT max(seq) - min(seq) FROM reaction_cursors"
        wait_for("the reactions", lambda: database.number(heads) == 0, 30)
        compare(ledger, gateway, database)
        print(service.admin("audit", "verify").strip())


main(*sys.argv[1:])
