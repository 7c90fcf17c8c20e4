"""A sign-up over a real Kannel: bearerbox, smsbox and the fake SMSC of `kannel-extras`, all on loopback. The code is
read from what the fake SMSC got, receipts move `delivery`, and a STOP that comes in is answered.
Usage: kannel_fakesmsc.py PATH/TO/practice-links"""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys

from service import PHONE, Service, free_port, wait_for

OURS = "+15005550010"
PASSWORD = "pass&word+1"


class Kannel:
    """Starts once the service can say where inbound texts go."""

    def __init__(self, folder, send_port):
        self.folder, self.send_port, self.smsc_port, self.processes = folder, send_port, free_port(), []

    def start(self, sms_service):
        box_port = free_port()
        groups = f"""
group = core
admin-port = {free_port()}
admin-interface = 127.0.0.1
admin-password = {PASSWORD}
smsbox-port = {box_port}
smsbox-interface = 127.0.0.1

group = smsc
smsc = fake
smsc-id = fake
port = {self.smsc_port}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box_port}
sendsms-port = {self.send_port}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = links
password = {PASSWORD}

{sms_service}"""
        config = os.path.join(self.folder, "kannel.conf")
        with open(config, "w") as file:
            file.write(groups)
        self.run("bearerbox", [shutil.which("bearerbox") or "/usr/sbin/bearerbox", config], "Connected to SMSC|MAIN: Start-up done")
        self.run("smsbox", [shutil.which("smsbox") or "/usr/sbin/smsbox", config], "Connected to bearerbox")

    def phone_says(self, text):
        """A phone that writes `text` now and listens ever after."""
        program = (glob.glob("/usr/lib/kannel/test/fakesmsc") + [shutil.which("fakesmsc") or "fakesmsc"])[0]
        command = [program, "-H", "127.0.0.1", "-r", str(self.smsc_port), "-i", "3600", "-m", "2", f"{PHONE} {OURS} text {text}"]
        return self.run("fakesmsc", command, "fakesmsc starting")

    def run(self, name, command, ready):
        log = os.path.join(self.folder, f"{name}.log")
        with open(log, "w") as file:
            self.processes.append(subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=self.folder))
        wait_for(name, lambda: re.search(ready, open(log, errors="replace").read()))
        return log

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(timeout=20)


def walk(service, kannel, binary):
    env = {**os.environ, "PRACTICE_LINKS_LISTEN": service.url.removeprefix("http://")}
    urls = subprocess.run([os.path.abspath(binary), "admin", "kannel", "urls"], cwd=service.folder.name, env=env, capture_output=True, text=True, check=True)
    kannel.start(urls.stdout)
    log = kannel.phone_says("HELP")

    def got(pattern):
        return wait_for(pattern, lambda: re.search(pattern, open(log, errors="replace").read()))

    got(r"Practice Messenger: codes and links that you ask for")
    print("HELP came in and was answered")
    verification, secret = service.start_verification()
    code = got(rf"\{PHONE} text (\d{{6}}) is your code")[1]
    delivered = lambda: service.call("GET", verification, bearer=secret)["verification"]["delivery"] == "delivered"
    wait_for("the receipt", delivered)
    print("the code arrived, and its receipt: delivery is delivered")
    proof = service.call("POST", f"{verification}/checks", {"code": code}, secret)["phone_proof"]
    token = service.call("POST", "/v1/link-tokens", {"code": "123456", "source": "typed"})["link_token"]
    body = {"phone_proof": proof, "link_token": token, "given_name": "Alex", "family_name": "Rivera"}
    assert service.call("POST", "/v1/accounts", body)["conversation"]["id"]
    print("the code signed a patient up")


def main(binary):
    send_port = free_port()
    settings = {
        "sms__provider": "kannel", "kannel__url": f"http://127.0.0.1:{send_port}", "kannel__username": "links",
        "kannel__password": PASSWORD, "kannel__from": OURS,
    }
    with Service(binary, **settings) as service:
        kannel = Kannel(service.folder.name, send_port)
        try:
            walk(service, kannel, binary)
        finally:
            kannel.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
