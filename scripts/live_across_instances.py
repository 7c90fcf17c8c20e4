"""Measures how long after a sign-up at one instance a staff stream of another instance tells of it.

`python3 scripts/live_across_instances.py PATH/TO/practice-links postgres://EMPTY_DATABASE [RUNS]` starts two
instances on one PostgreSQL. A stream of `GET /v1/practice/events` is open at the second; patients sign up at the
first. The time counts from the response of `POST /v1/accounts` to the event of the new conversation, which must be
there within a second.
"""

import http.client
import json
import os
import statistics
import sys
import threading
import time

from service import Service, wait_for

ALLOWED_S = 1.0


class Stream(threading.Thread):
    """Reads a stream and notes when a conversation is first named."""

    def __init__(self, service, token):
        super().__init__(daemon=True)
        self.seen = {}
        line = http.client.HTTPConnection(service.url.removeprefix("http://"))
        line.request("GET", "/v1/practice/events", headers={"authorization": f"Bearer {token}"})
        self.answer = line.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.start()

    def run(self):
        for line in self.answer:
            if line.startswith(b"data:"):
                conversation = json.loads(line[5:]).get("conversation_id")
                self.seen.setdefault(conversation, time.perf_counter())


def main(binary, url, runs=50):
    settings = {"database__url": url, "limits__scale": "1000000", "log__level": "error"}
    with Service(binary, **settings) as first:
        shared = os.path.join(first.folder.name, "data")
        # Instances of one service have the same keys and the same address.
        with Service(binary, data_dir=shared, public_url=first.url, **settings) as second:
            token = first.staff_token("Elm Street Dental")
            code = first.call("GET", "/v1/practice/links", bearer=token)["items"][0]["code"]
            stream, waits = Stream(second, token), []
            for n in range(int(runs)):
                person = {"given_name": "Pat", "family_name": f"Rivera{n}"}
                conversation = first.sign_up(code, person, f"+1415555{1000 + n}")["conversation"]["id"]
                answered = time.perf_counter()
                wait_for("the event", lambda: conversation in stream.seen, 10)
                waits.append(stream.seen[conversation] - answered)
            waits.sort()
            longest = waits[-1] * 1000
            print(f"{runs} sign-ups: median {statistics.median(waits) * 1000:.0f} ms, longest {longest:.0f} ms after the answer")
            assert waits[-1] <= ALLOWED_S


main(*sys.argv[1:])
