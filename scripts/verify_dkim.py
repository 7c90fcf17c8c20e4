#!/usr/bin/env python3
"""Signs a patient up with the real binary, receives the practice's notice over SMTP, and checks its DKIM
signature with an independent verifier, for each kind of key. Tampered copies must fail.

    scripts/verify_dkim.py target/debug/practice-links [--keep DIRECTORY]
"""

import argparse
import base64
import email
import email.policy
import socketserver
import tempfile
import threading
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from service import Service, wait_for

DOMAIN = "links.example"
SELECTOR = "spring"


class Sink(socketserver.StreamRequestHandler):
    """A minimal mail server that accepts mails."""

    def handle(self):
        self.say("220 sink")
        for line in iter(self.rfile.readline, b""):
            command = line.split(None, 1)[0].upper() if line.split() else b""
            if command == b"DATA":
                self.say("354 go on")
                self.server.mails.append(b"".join(self.mail()))
                self.say("250 taken")
            elif command == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 fine")

    def mail(self):
        for line in iter(self.rfile.readline, b".\r\n"):
            yield line[1:] if line.startswith(b"..") else line

    def say(self, reply):
        self.wfile.write(reply.encode() + b"\r\n")


def start_sink():
    sink = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink)
    sink.daemon_threads, sink.mails = True, []
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    return sink


def make_key(kind):
    """Makes a key; returns the private key as PEM and its DNS record."""
    spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    if kind == "Ed25519":
        key, form = ed25519.Ed25519PrivateKey.generate(), serialization.PrivateFormat.PKCS8
        record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.public_key().public_bytes(*raw))
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        is_old = kind == "RSA, PKCS#1"
        form = serialization.PrivateFormat.TraditionalOpenSSL if is_old else serialization.PrivateFormat.PKCS8
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.public_key().public_bytes(*spki))
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()), record


def notice(binary, pem):
    """Signs a patient up; returns the raw bytes of the notice."""
    with tempfile.TemporaryDirectory() as folder:
        key, sink = Path(folder, "dkim.pem"), start_sink()
        key.write_bytes(pem)
        settings = {
            "mail__smtp_url": f"smtp://127.0.0.1:{sink.server_address[1]}",
            "mail__from": f"Practice Links <no-reply@{DOMAIN}>",
            "mail__dkim_key_file": str(key),
            "mail__dkim_selector": SELECTOR,
        }
        with Service(binary, **settings) as service:
            service.sign_up("123456", {"given_name": "Alex", "family_name": "Rivera"})
            mail = wait_for("the mail", lambda: sink.mails)[0]
        sink.shutdown()
        return mail


def check(kind, raw, record):
    asked = []

    def dns(name, timeout=5):
        asked.append(name.decode().rstrip("."))
        return record

    def is_good(mail):
        try:
            return dkim.verify(mail, dnsfunc=dns)
        except dkim.DKIMException:
            return False

    assert is_good(raw), f"{kind}: the signature does not verify\n{raw.decode()}"
    assert set(asked) == {f"{SELECTOR}._domainkey.{DOMAIN}"}, asked
    assert not is_good(b"From: Someone Else <x@evil.example>\r\n" + raw), f"{kind}: a second From passes"
    for part in (b"A new patient", b"auto-generated", b"One-Click", b"/unsubscribe/", b"@oakstreet", b"practice=E2=80=99s"):
        assert part in raw, f"{kind}: no {part.decode()} in\n{raw.decode()}"
        assert not is_good(raw.replace(part, part[:-1] + b"!", 1)), f"{kind}: changed {part.decode()} passes"
    # Changes that mail servers make in transit: folding, spacing, a Received header, a refolded Content-Type.
    carried = raw.replace(b"Subject: ", b"subject:   ", 1).replace(b"multipart/alternative; ", b"multipart/alternative;\r\n\t", 1)
    assert is_good(b"Received: from here\r\n\tby there\r\n" + carried), f"{kind}: relaxed canonicalization fails"


def look(raw):
    """Checks the mail as a mail program parses it; returns its HTML."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail.get_content_type() == "multipart/alternative" and not mail.defects, mail.defects
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    told = str(mail) + mail.get_body(("plain",)).get_content() + mail.get_body(("html",)).get_content()
    for private in ("Alex", "Rivera", "5552671", "555-2671"):
        assert private not in told, private
    return mail.get_body(("html",)).get_content()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--keep", type=Path, help="keep the raw mails and their HTML here")
    given = arguments.parse_args()
    for kind in ("RSA, PKCS#1", "RSA, PKCS#8", "Ed25519"):
        pem, record = make_key(kind)
        raw = notice(given.binary, pem)
        check(kind, raw, record)
        html = look(raw)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            name = "".join(c for c in kind.lower() if c.isalnum())
            Path(given.keep, f"{name}.eml").write_bytes(raw)
            Path(given.keep, f"{name}.html").write_text(html)
        print(f"{kind}: verified by dkimpy")


main()
