"""Runs a staff sign-in, a sign-up and the inbox with the client that `openapi-python-client` generates from
the API document, as an integrator would. A generator warning is a failure, and so is a response that is not
of the documented type. Usage: generated_client.py PATH/TO/practice-links PATH/TO/openapi.json"""

import base64
import importlib
import os
import re
import subprocess
import sys
import tempfile
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from service import PHONE, Service, wait_for

PACKAGE = "practice_links_client"
EMAIL, PASSWORD = "ana@elm.example", "correct horse battery staple"


def generate(document, folder):
    """Generates the client; a warning is a failure."""
    here = os.path.dirname(os.path.abspath(__file__))
    command = [os.path.join(os.path.dirname(sys.executable), "openapi-python-client"), "generate", "--meta", "none"]
    command += ["--path", document, "--output-path", os.path.join(folder, PACKAGE), "--fail-on-warning"]
    made = subprocess.run(command + ["--config", os.path.join(here, "client.yaml")], capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(f"no client could be generated: {made.stdout}{made.stderr}")
    sys.path.insert(0, folder)


class Api:
    """The generated functions and models by name, for one caller."""

    def __init__(self, url, bearer=None):
        client = importlib.import_module(f"{PACKAGE}.client")
        self.client = client.AuthenticatedClient(url, bearer) if bearer else client.Client(url)
        self.models = importlib.import_module(f"{PACKAGE}.models")

    def call(self, name, *path, status=200, **arguments):
        """Calls an operation; returns the response as its generated type."""
        module = importlib.import_module(f"{PACKAGE}.api.{name}")
        answer = module.sync_detailed(*path, client=self.client, **arguments)
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.content.decode()}"
        return answer.parsed

    def send(self, name, model, *path, status=201, **fields):
        """Calls an operation with a body of the type `model`."""
        return self.call(name, *path, status=status, body=getattr(self.models, model)(**fields))

    def caught(self, to, pattern):
        """Waits for a caught message that matches `pattern`; returns its first group."""
        def find():
            items = self.call("development.list_dev_messages", to=to).items
            return next((found for item in items if (found := re.search(pattern, item.body))), None)
        return wait_for(f"a message to {to}", find).group(1)


def staff(service):
    """Makes a practice whose admin signs in with a password and an authenticator; returns the admin's API."""
    new = ["--name", "Elm Dental", "--city", "Springfield", "--plan", "communicator"]
    practice = service.admin("practice", "create", *new).split()[0]
    new = ["--practice", practice, "--email", EMAIL, "--name", "Ana", "--role", "admin"]
    letter = re.search(r"#(\S+)", service.admin("staff", "create", *new)).group(1)
    api = Api(service.url)
    api.send("staff.set_password", "SetPassword", token=letter, password=PASSWORD, status=200)
    begun = api.send("staff.begin_staff_session", "BeginStaffSession", email=EMAIL, password=PASSWORD)
    seed = base64.b32decode(begun.enrol.secret + "=" * (-len(begun.enrol.secret) % 8))
    code = TOTP(seed, 6, SHA1(), 30, enforce_key_length=False).generate(int(time.time())).decode()
    done = api.send("staff.finish_staff_session", "FinishStaffSession", challenge=begun.challenge, code=code)
    assert len(done.recovery_codes) == 10
    return Api(service.url, done.session.access_token)


def patient(service, link_code):
    """Signs a patient up; returns the patient's API and the conversation."""
    api = Api(service.url)
    source = api.models.Source.TYPED
    link = api.send("links.create_link_token", "CreateLinkToken", code=link_code, source=source)
    made = api.send("verifications.create_verification", "CreateVerification", phone=PHONE, link_token=link.link_token)
    texted = api.caught(PHONE, r"(\d{6})")
    own = Api(service.url, made.client_secret)
    check = own.send(
        "verifications.check_verification_code", "CreateCheck", made.verification.id, code=texted, status=200
    )
    assert check.result == "approved", check
    person = {"given_name": "Alexandra", "family_name": "Rivera"}
    proof = {"phone_proof": check.phone_proof, "link_token": link.link_token}
    signed = api.send("accounts.create_account", "CreateAccount", **person, **proof)
    return Api(service.url, signed.session.access_token), signed.conversation


def inbox(admin, own, conversation):
    """Both sides write and read; staff find the conversation by its link's tag."""
    found = admin.call("practice.list_conversations", tag="poster").items
    assert [card.id for card in found] == [conversation.id] and not found[0].phi_allowed
    assert not admin.call("practice.list_conversations", tag="other").items
    admin.send("practice.write_to_patient", "WriteToPatient", conversation.id, body="Hello.", status=409)
    words = {"body": "Hello.", "acknowledge_unverified": True}
    admin.send("practice.write_to_patient", "WriteToPatient", conversation.id, **words)
    own.send("me.create_entry", "CreateEntry", conversation.id, body="Good morning.")
    said = own.call("me.list_entries", conversation.id).items
    read = admin.call("practice.list_conversation_entries", conversation.id).items
    assert [entry.body for entry in said] == [entry.body for entry in read]
    assert [entry.body for entry in read][-2:] == ["Hello.", "Good morning."]


def walk(binary, document):
    with tempfile.TemporaryDirectory() as folder:
        generate(document, folder)
        with Service(binary) as service:
            admin = staff(service)
            tags = {"label": "Waiting room", "tags": ["poster"]}
            link = admin.send("practice.create_link", "CreateLink", **tags)
            own, conversation = patient(service, link.link.code)
            inbox(admin, own, conversation)


if __name__ == "__main__":
    walk(sys.argv[1], sys.argv[2])
    print("the generated client signs in, signs up and reads the inbox")
