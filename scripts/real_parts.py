"""Runs a sign-up with real components on loopback: Kannel with its fake SMSC for texts, npm's smtp-server
for mail. Usage: real_parts.py PATH/TO/practice-links PATH/TO/node_modules

The code is read from the fake SMSC's output, as a phone would receive it; delivery receipts come from
Kannel; a STOP is answered once and respected. Needs Debian's kannel and kannel-extras, and npm's
smtp-server."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from service import free_port, wait_for

FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
OURS = "+13125550199"
PATIENT = "+14155552671"
NOTICE_ADDRESS = "frontdesk@oakstreet.example"

KANNEL = """
group = core
admin-port = {admin}
admin-password = not-used
admin-interface = "127.0.0.1"
smsbox-port = {boxes}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"

group = smsc
smsc = fake
smsc-id = fake
port = {smsc}
our-host = "127.0.0.1"
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = "127.0.0.1"

group = sendsms-user
username = links
password = swordfish

{inbound}"""


class Parts:
    """The running processes, stopped in reverse order."""

    def __init__(self, folder):
        self.folder, self.running = folder, []

    def start(self, name, command, **more):
        log = (self.folder / f"{name}.log").open("wb")
        process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, **more)
        self.running.append(process)
        return process

    def said(self, name):
        return (self.folder / f"{name}.log").read_bytes().decode("utf-8", "replace")

    def stop(self):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def call(origin, method, path, body=None, bearer=None, expect=None):
    headers = {"content-type": "application/json"}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(origin + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        status, text = refusal.code, refusal.read()
    if expect and status != expect:
        sys.exit(f"{method} {path}: {status} {text.decode()}")
    return json.loads(text or b"{}")


def walk(origin, parts):
    token = call(origin, "POST", "/v1/link-tokens", {"code": "123456", "source": "typed"}, expect=201)["link_token"]
    began = time.monotonic()
    made = call(origin, "POST", "/v1/verifications", {"phone": PATIENT, "link_token": token}, expect=201)
    path, secret = f"/v1/verifications/{made['verification']['id']}", made["client_secret"]
    code = wait_for("a code in the fake SMSC", lambda: re.search(r"text (\d{6}) is your code", parts.said("phone")))[1]
    print(f"code on the phone after {time.monotonic() - began:.2f} s")

    def delivery():
        return call(origin, "GET", path, bearer=secret, expect=200)["verification"]["delivery"]

    wait_for("Kannel's receipt", lambda: delivery() == "delivered")
    print("receipt: delivered")
    check = call(origin, "POST", f"{path}/checks", {"code": code}, bearer=secret, expect=200)
    body = {"phone_proof": check["phone_proof"], "link_token": token, "given_name": "Alex", "family_name": "Rivera"}
    account = call(origin, "POST", "/v1/accounts", body, expect=201)
    print(f"signed up: {account['pairing']['practice']['name']}, conversation {account['conversation']['status']}")
    mails = parts.folder / "mails"
    mail = wait_for("the practice's notice", lambda: next(iter(sorted(mails.glob("*.eml"))), None)).read_text()
    assert f"To: {NOTICE_ADDRESS}" in mail and "Rivera" not in mail and PATIENT not in mail, mail
    print(f"notice by STARTTLS and AUTH: {re.search('Subject: (.*)', mail)[1].strip()}")


def stop_is_obeyed(origin, parts, smsc, phone):
    """Sends STOP twice. The fake SMSC supports one phone at a time, so a new one replaces the first."""

    def answers():
        return re.findall(rf"<\{OURS} \{PATIENT} text (.*)>", parts.said("stopping"))

    phone.terminate()
    phone.wait(10)
    parts.start("stopping", [FAKESMSC, "-H", "127.0.0.1", "-r", str(smsc), "-m", "2", f"{PATIENT} {OURS} text STOP"])
    wait_for("the answer to STOP", answers)
    wait_for("the second STOP", lambda: "sent message 2" in parts.said("stopping"))
    time.sleep(1)
    token = call(origin, "POST", "/v1/link-tokens", {"code": "123456", "source": "typed"}, expect=201)["link_token"]
    made = call(origin, "POST", "/v1/verifications", {"phone": PATIENT, "link_token": token}, expect=201)
    path, secret = f"/v1/verifications/{made['verification']['id']}", made["client_secret"]
    wait_for("the refusal", lambda: call(origin, "GET", path, bearer=secret)["verification"]["delivery"] == "failed")
    assert len(answers()) == 1, answers()
    print(f"STOP: answered once ({answers()[0]}), and no text was sent since")


def main(binary, modules):
    with tempfile.TemporaryDirectory() as name:
        parts = Parts(pathlib.Path(name))
        try:
            run(pathlib.Path(binary).resolve(), pathlib.Path(modules).resolve(), parts)
        except SystemExit:
            for log in sorted(parts.folder.glob("*.log")):
                print(f"--- {log.name}\n{parts.said(log.stem)[-3000:]}", file=sys.stderr)
            raise
        finally:
            parts.stop()


def make_certificates(folder):
    """Makes a test CA and a mail server certificate: a server may not use a CA certificate itself."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(*new, "-x509", "-days", "1", "-subj", "/CN=Practice Links test", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    openssl(
        *("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "1", "-extfile", "names", "-out", "cert.pem"),
    )


def run(binary, modules, parts):
    ports = {name: free_port() for name in ("admin", "boxes", "smsc", "sendsms", "mail", "service")}
    origin = f"http://127.0.0.1:{ports['service']}"
    settings = {
        "LISTEN": f"127.0.0.1:{ports['service']}",
        "SMS__PROVIDER": "kannel",
        "KANNEL__URL": f"http://127.0.0.1:{ports['sendsms']}",
        "KANNEL__USERNAME": "links",
        "KANNEL__PASSWORD": "swordfish",
        "KANNEL__FROM": OURS,
        "MAIL__SMTP_URL": f"smtp+starttls://links:swordfish@localhost:{ports['mail']}",
        "MAIL__FROM": "Practice Links <links@links.example>",
        "MAIL__CA_FILE": str(parts.folder / "ca.pem"),
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PRACTICE_LINKS_")}
    environment |= {f"PRACTICE_LINKS_{name}": value for name, value in settings.items()}
    asked = [binary, "admin", "kannel", "urls"]
    inbound = subprocess.run(asked, cwd=parts.folder, env=environment, capture_output=True, text=True, check=True).stdout
    (parts.folder / "kannel.conf").write_text(KANNEL.format(inbound=inbound, **ports))
    (parts.folder / "mails").mkdir()
    make_certificates(parts.folder)

    sink = pathlib.Path(__file__).resolve().parent / "mail_sink.js"
    parts.start("mail", ["node", sink, str(ports["mail"])], env={**os.environ, "NODE_PATH": str(modules)})
    parts.start("bearerbox", ["bearerbox", "kannel.conf"])
    wait_for("bearerbox", lambda: listens(ports["boxes"]) and listens(ports["smsc"]))
    parts.start("smsbox", ["smsbox", "kannel.conf"])
    wait_for("smsbox", lambda: listens(ports["sendsms"]))
    phone = parts.start("phone", [FAKESMSC, "-H", "127.0.0.1", "-r", str(ports["smsc"]), "-m", "0", "1 2 text nothing"])
    parts.start("service", [binary], env=environment)
    wait_for("the service", lambda: listens(ports["service"]))
    wait_for("smtp-server", lambda: listens(ports["mail"]))
    walk(origin, parts)
    stop_is_obeyed(origin, parts, ports["smsc"], phone)
    secrets = re.findall(r"text (\d{6}) is your code", parts.said("phone"))
    assert not any(secret in parts.said("service") for secret in [*secrets, PATIENT[2:], "swordfish"])
    print("the service's log contains no code, number or password")


if __name__ == "__main__":
    main(*sys.argv[1:])
