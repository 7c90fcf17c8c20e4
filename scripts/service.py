"""A running practice-links on loopback for the other scripts, with SQLite in a temporary folder."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

PHONE = "+14155552671"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=20):
    """Waits until `condition` is true and returns its value; fails at the timeout."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"timeout after {seconds} s, waiting for {what}")


class Service:
    """`with Service(binary, sms__provider="twilio") as service:`; settings are environment names."""

    def __init__(self, binary, **settings):
        self.binary = os.path.abspath(binary)
        self.folder = tempfile.TemporaryDirectory(prefix="practice-links-")
        self.url = f"http://127.0.0.1:{free_port()}"
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRACTICE_LINKS_")}
        env["PRACTICE_LINKS_LISTEN"] = self.url.removeprefix("http://")
        env |= {f"PRACTICE_LINKS_{name.upper()}": value for name, value in settings.items()}
        self.env = env
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        self.start()

    def start(self):
        """Starts the process, for the first time or after `kill`."""
        self.process = subprocess.Popen(
            [self.binary], cwd=self.folder.name, env=self.env, stdout=subprocess.DEVNULL, stderr=self.log
        )

    def kill(self):
        """Ends the process as a power cut would end it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        wait_for("the service", lambda: self.process.poll() is not None or self.request("GET", "/readyz")[0] == 200)
        if self.process.poll() is not None:
            self.log.seek(0)
            raise SystemExit(f"the service did not start: {self.log.read()}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=40)
        self.log.close()
        self.folder.cleanup()

    def request(self, method, path, body=None, headers=()):
        """Returns status and body; the status is 0 if the connection fails."""
        request = urllib.request.Request(self.url + path, body, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()
        except OSError:
            return 0, b""

    def call(self, method, path, body=None, bearer=None):
        """Sends and returns JSON; fails if the request is refused."""
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
        status, answer = self.request(method, path, json.dumps(body).encode() if body else None, headers)
        if not 200 <= status < 300:
            raise SystemExit(f"{method} {path}: {status} {answer.decode()}")
        return json.loads(answer)

    def start_verification(self):
        """Starts a verification through the demo link; returns its path and its secret."""
        token = self.call("POST", "/v1/link-tokens", {"code": "123456", "source": "typed"})["link_token"]
        made = self.call("POST", "/v1/verifications", {"phone": PHONE, "link_token": token})
        return f"/v1/verifications/{made['verification']['id']}", made["client_secret"]

    def sign_up(self, code, person, phone=PHONE):
        """Signs `person` up through the link `code`, with the text caught by `/dev`; returns the response."""
        token = self.call("POST", "/v1/link-tokens", {"code": code, "source": "typed"})["link_token"]
        made = self.call("POST", "/v1/verifications", {"phone": phone, "link_token": token})
        caught = "/dev/messages?" + urllib.parse.urlencode({"to": phone})
        texted = wait_for("the code", lambda: self.call("GET", caught)["items"])[0]["code"]
        checks = f"/v1/verifications/{made['verification']['id']}/checks"
        proof = self.call("POST", checks, {"code": texted}, made["client_secret"])["phone_proof"]
        return self.call("POST", "/v1/accounts", person | {"phone_proof": proof, "link_token": token})

    def admin(self, *words):
        """Runs `practice-links admin` on the same data; returns its output."""
        command = [self.binary, "admin", *words]
        return subprocess.run(command, env=self.env, cwd=self.folder.name, capture_output=True, text=True, check=True).stdout

    def staff_token(self, practice_name, email="a@b.example"):
        """Makes a practice with an admin; returns the admin's token."""
        new = ["--name", practice_name, "--city", "Springfield", "--plan", "communicator"]
        practice = self.admin("practice", "create", *new).split()[0]
        new = ["--practice", practice, "--email", email, "--name", "Ana", "--role", "admin"]
        return re.search(r"^token\s+(\S+)$", self.admin("staff", "create", *new), re.MULTILINE).group(1)

    def rows(self, query):
        """The rows of a query; the database is opened read-only."""
        file = os.path.join(self.folder.name, "data", "practice-links.db")
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            return database.execute(query).fetchall()
