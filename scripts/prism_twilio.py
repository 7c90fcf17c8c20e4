"""Tests the Twilio provider against Twilio's own OpenAPI document: Prism mocks the server and refuses every
request that the document does not allow. Usage: prism_twilio.py PATH/TO/practice-links PATH/TO/prism"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from service import Service, free_port, wait_for

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "tests", "data", "twilio_messages_calls.json")
ACCOUNT = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "0123456789abcdef" * 2


class Prism:
    def __init__(self, program):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        command = [program, "mock", "--errors", "--multiprocess", "false", "--port", str(port), DOCUMENT]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self):
        wait_for("Prism", lambda: "Prism is listening" in self.text(), 60)
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)

    def text(self):
        with open(self.log.name) as log:
            return re.sub(r"\x1b\[[0-9;]*m", "", log.read())


def walk(prism, binary, sender):
    """Sends a text and a call for one verification; Prism must accept both."""
    settings = {
        "sms__provider": "twilio", "twilio__base_url": prism.url, "twilio__account_sid": ACCOUNT,
        "twilio__auth_token": "token", "twilio__from": sender, "twilio__voice_from": "+15005550006",
        "verification__voice_after_seconds": "1", "verification__resend_seconds": "1",
    }
    with Service(binary, **settings) as service:
        verification, secret = service.start_verification()

        def state():
            return service.call("GET", verification, bearer=secret)["verification"]

        def settled():
            return service.rows("SELECT provider, outcome, reference FROM deliveries WHERE outcome IS NOT NULL ORDER BY id")

        wait_for("the text", lambda: len(settled()) == 1)
        wait_for("a call to be offered", lambda: state()["next_call"] == 0)
        time.sleep(0.1)
        service.call("POST", f"{verification}/sends", {"channel": "voice"}, secret)
        wait_for("the call", lambda: len(settled()) == 2)
        for channel, (provider, outcome, reference) in zip(["text", "call"], settled()):
            assert (provider, outcome) == ("twilio", "sent"), f"{channel} from {sender[:2]}…: {provider} {outcome}"
            print(f"{channel}: accepted by {provider}, reference {reference}")
        assert state()["delivery"] == "sent", state()


def bites(prism):
    """Checks that Prism refuses an invalid request: a mock that accepts everything would prove nothing."""
    request = urllib.request.Request(
        f"{prism.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", b"Body=x&From=%2B15005550006",
        {"authorization": "Basic eDp5", "content-type": "application/x-www-form-urlencoded"},
    )
    try:
        urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refusal:
        return refusal.code in (400, 422)
    return False


def main(binary, program):
    with Prism(program) as prism:
        for sender in ["+15005550006", SERVICE]:
            walk(prism, binary, sender)
        log = prism.text()
        assert bites(prism), "Prism accepts a message without a recipient"
    asked = re.findall(r"\[HTTP SERVER\] post (\S+)", log)
    taken = log.count("Responding with the requested status code 201")
    assert len(asked) == taken == 4 and "iolation" not in log, log
    print(f"{taken} of {len(asked)} requests conform to Twilio's document; one without a recipient was refused")


if __name__ == "__main__":
    main(*sys.argv[1:])
