"""Measures an import of records, and checks that killing the service loses and duplicates no row.

`python3 scripts/import_records.py PATH/TO/practice-links [postgres://EMPTY_DATABASE] [ROWS]` imports a
table of 100,000 patients, on SQLite unless a database is given: first as new records, then unchanged, then
with every phone number changed, when the process is killed half-way and restarted. It prints the seconds,
the peak memory of the process (VmHWM), and how long it took to start verifications during the import,
because they compete for the same writer.
"""

import json
import subprocess
import sys
import threading
import time
import urllib.parse

from service import Service, wait_for

FIRST = ["Ana", "José", "Mary", "Wei", "Olga", "Zoë", "Liam", "Noah", "Emma", "Aïcha"]
LAST = ["García", "Smith", "O'Brien", "Nguyễn", "Müller", "Johnson", "Peña", "Kim", "Rossi", "Silva"]


def table(rows, area):
    """A table as practice software exports it; `area` is the area code of every phone number."""
    lines = ["Patient ID,Last Name,First Name,Date of Birth,Mobile Phone,Email"]
    for n in range(rows):
        born = f"{n % 12 + 1:02}/{n % 28 + 1:02}/{1930 + n % 90}"
        mobile = f"({area}) {200 + n // 10_000:03}-{n % 10_000:04}"
        lines.append(f"MRN-{n:06},{LAST[n // 7 % 10]}{n % 977},{FIRST[n % 10]},{born},{mobile},patient{n}@example.com")
    return "\n".join(lines).encode()


class Probe(threading.Thread):
    """Starts verifications one after the other and records how long each took."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.took, self.stop = service, [], False

    def run(self):
        number = 0
        while not self.stop:
            body = json.dumps({"phone": f"+1415555{2000 + number % 8000}"}).encode()
            began = time.monotonic()
            status, _ = self.service.request("POST", "/v1/verifications", body, {"content-type": "application/json"})
            if status == 201:
                self.took.append((time.monotonic() - began) * 1000)
            number += 1
            time.sleep(0.05)

    def summary(self):
        self.stop = True
        self.join()
        took = sorted(self.took) or [0]
        return f"p50 {took[len(took) // 2]:.0f} ms, p95 {took[len(took) * 95 // 100]:.0f} ms, max {took[-1]:.0f} ms of {len(took)}"


class Importer:
    """A practice's admin who imports tables."""

    def __init__(self, service):
        self.service, self.token = service, service.staff_token("Elm Street Dental")

    def begin(self, body):
        headers = {"content-type": "text/csv", "authorization": f"Bearer {self.token}"}
        status, answer = self.service.request("POST", "/v1/practice/records/import", body, headers)
        assert status == 202, (status, answer)
        return json.loads(answer)["import"]["id"]

    def state(self, id):
        return self.service.call("GET", f"/v1/practice/records/imports/{id}", bearer=self.token)["import"]

    def wait(self, id):
        """Waits for the end of the import; returns the import."""
        return wait_for("the import", lambda: (found := self.state(id))["state"] not in ("queued", "running") and found, 900)

    def timed(self, name, body):
        began = time.monotonic()
        id = self.begin(body)
        taken = time.monotonic() - began
        rows = self.wait(id)["rows"]
        print(f"{name}: {time.monotonic() - began:.1f} s (of these {taken:.1f} s until the response), {rows}", flush=True)
        return id


def peak(service):
    with open(f"/proc/{service.process.pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return f"{int(line.split()[1]) / 1024:.0f} MiB"


def killed_half_way(service, importer, body, rows):
    id = importer.begin(body)
    wait_for("half of the import", lambda: importer.state(id)["rows"]["done"] >= rows // 2, 600)
    service.process.kill()
    service.process.wait()
    began = time.monotonic()
    service.process = subprocess.Popen(
        [service.binary], cwd=service.folder.name, env=service.env, stdout=subprocess.DEVNULL, stderr=service.log
    )
    wait_for("the service", lambda: service.request("GET", "/readyz")[0] == 200)
    done = importer.state(id)["rows"]["done"]
    ended = importer.wait(id)
    print(f"killed at {done} rows, finished {time.monotonic() - began:.1f} s after the kill: {ended['rows']}", flush=True)
    return id


def check(service, importer, id, rows):
    headers = {"authorization": f"Bearer {importer.token}"}
    _, results = service.request("GET", f"/v1/practice/records/imports/{id}/results.csv", None, headers)
    lines = results.decode().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [str(n + 1) for n in range(rows)], "not every row has a result"
    assert all(",changed," in line for line in lines), "not every row changed its record"
    query = urllib.parse.urlencode({"q": "MRN-000042"})
    found = service.call("GET", f"/v1/practice/records?{query}", bearer=importer.token)["items"]
    assert len(found) == 1, found
    values = service.call("GET", f"/v1/practice/records/{found[0]['id']}", bearer=importer.token)["values"]
    phones = [(value["value"], value["current"]) for value in values if value["kind"] == "phone"]
    assert phones == [("+13122000042", True), ("+14152000042", False)], phones
    print(f"{rows} results, one record per number, the previous phone numbers kept as history")


def main(binary, *rest):
    database = next((word for word in rest if word.startswith("postgres")), None)
    rows = next((int(word) for word in rest if word.isdigit()), 100_000)
    settings = {"limits__scale": "1000000"} | ({"database__url": database} if database else {})
    with Service(binary, **settings) as service:
        importer, probe = Importer(service), Probe(service)
        print(f"{rows} rows on {'PostgreSQL' if database else 'SQLite'}; memory before {peak(service)}", flush=True)
        probe.start()
        body = table(rows, 415)
        importer.timed("new records", body)
        importer.timed("the same again", body)
        print(f"verifications started during the imports: {probe.summary()}; peak memory {peak(service)}", flush=True)
        id = killed_half_way(service, importer, table(rows, 312), rows)
        check(service, importer, id, rows)


main(*sys.argv[1:])
