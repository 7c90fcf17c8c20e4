"""Times `admin audit verify` on many events, and checks that it finds what was done to them.

`python3 scripts/verify_events.py PATH/TO/practice-links [EVENTS]` writes 1,000,000 events of 200 practices into a
new SQLite database, hashed here and not by the service, and verifies them. Then an event is removed, one is
changed, and one is added that never got a number; each must be found.
"""

import base64
import hashlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time

from service import Service

PRACTICES = 200


def chained(count):
    """Rows of `events` with their chains, and the heads."""
    heads = {}
    now = int(time.time() * 1000)
    for n in range(1, count + 1):
        practice = f"prc_fill_{n % PRACTICES}"
        seq, before = heads.get(practice, (0, ""))
        event = [f"evt_{n:032x}", practice, f"pat:acc_{n}", "pairing.created", f"pai_{n}", '{"link":"lnk_fill"}', now]
        hashed = [before, practice, seq + 1, *event, f"acc_{n}", f"cnv_{n}", 1]
        text = json.dumps(hashed, separators=(",", ":"))
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        heads[practice] = (seq + 1, digest)
        id, _, actor, kind, subject, detail, at = event
        yield (id, n, at, practice, f"acc_{n}", actor, kind, subject, detail, f"cnv_{n}", 1, practice, seq + 1, digest)
    chained.heads = [(practice, seq, digest) for practice, (seq, digest) in heads.items()]


def unprotected(file):
    """The database without its triggers, which each process of the service makes anew: who may write the file may
    drop them, and that is what the hashes are for."""
    database = sqlite3.connect(file)
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'"
    for (name,) in database.execute(triggers).fetchall():
        database.execute(f"DROP TRIGGER {name}")
    return database


def verify(service):
    command = [service.binary, "admin", "audit", "verify"]
    began = time.perf_counter()
    done = subprocess.run(command, env=service.env, cwd=service.folder.name, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines(), time.perf_counter() - began


def main(binary, count=1_000_000):
    count = int(count)
    with Service(binary, log__level="error") as service:
        service.process.terminate()
        service.process.wait(timeout=40)
        file = os.path.join(service.folder.name, "data", "practice-links.db")
        with unprotected(file) as database:
            database.execute("DELETE FROM event_chains")
            database.execute("DELETE FROM events")
            database.executemany(f"INSERT INTO events VALUES ({','.join('?' * 14)})", chained(count))
            database.executemany("INSERT INTO event_chains VALUES (?, ?, ?)", chained.heads)
            database.execute("INSERT OR REPLACE INTO reaction_cursors VALUES ('sequence', ?)", (count,))
        status, lines, seconds = verify(service)
        print(f"{count} events: {seconds:.1f} s, at most {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB; {lines[-1]}")
        assert status == 0, lines
        middle = count // 2
        late = "('evt_late', 1, 'system', 'link.changed', 'lnk_1', '{}', 0)"
        for what, change in {
            "removed": f"DELETE FROM events WHERE seq = {middle}",
            "changed": f"UPDATE events SET detail = '{{}}' WHERE seq = {middle + 1}",
            "never numbered": f"INSERT INTO events (id, at, actor, kind, subject, detail, place) VALUES {late}",
        }.items():
            with unprotected(file) as database:
                database.execute(change)
            status, lines, seconds = verify(service)
            found = [line for line in lines if not line.endswith(" events")]
            print(f"{what}: exit {status}, {seconds:.1f} s\n  " + "\n  ".join(found))
            assert status != 0, what


main(*sys.argv[1:])
