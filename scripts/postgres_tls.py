"""Connects to a PostgreSQL that takes nothing but TLS with SCRAM, or TLS with a client's certificate.
Usage: postgres_tls.py PATH/TO/practice-links

Libpq is linked with AWS-LC, the server with OpenSSL: each way to connect that the operator may configure is tried,
and each that must fail. Needs PostgreSQL's programs and openssl."""

import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from service import free_port

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = '{folder}/server.pem'
ssl_key_file = '{folder}/server.key'
ssl_ca_file = '{folder}/ca.pem'
fsync = off
"""
RULES = "hostssl all certified all cert\nhostssl all all all scram-sha-256\n"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}")
    openssl(folder, *new, "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(folder, name, subject):
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}")
    openssl(folder, *new, "-keyout", f"{name}.key", "-out", "request.pem")
    (folder / "names").write_text(f"subjectAltName=DNS:{subject}")
    openssl(
        folder,
        *("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "1", "-extfile", "names", "-out", f"{name}.pem"),
    )


class Cluster:
    """A server in a temporary folder. It refuses to run as root, so root runs it as `postgres`."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        installed = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        self.programs = installed[-1] if installed else os.path.dirname(shutil.which("initdb"))
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}

    def run(self, program, *words):
        command = [f"{self.programs}/{program}", "-D", self.folder / "data", *words]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **self.user)

    def __enter__(self):
        (self.folder / "password").write_text("swordfish")
        if self.user:
            for file in (self.folder, *self.folder.iterdir()):
                shutil.chown(file, "postgres", "postgres")
        self.run("initdb", "--no-sync", "-U", "test", "-A", "scram-sha-256", "--pwfile", self.folder / "password")
        configuration = CONFIGURATION.format(port=self.port, folder=self.folder)
        with open(self.folder / "data/postgresql.conf", "a") as file:
            file.write(configuration)
        (self.folder / "data/pg_hba.conf").write_text(RULES)
        self.run("pg_ctl", "-w", "-t", "30", "-l", self.folder / "log", "start")
        address = f"postgres://test:swordfish@localhost:{self.port}/postgres"
        new = ("--quiet", "--command", "CREATE ROLE certified LOGIN SUPERUSER")
        subprocess.run([f"{self.programs}/psql", address, *new], check=True)
        return self

    def __exit__(self, *_):
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")


def can_connect(binary, cluster, options, host="localhost", user="test:swordfish"):
    """Whether the service migrates the database at that address."""
    folder = cluster.folder
    url = f"postgres://{user}@{host}:{cluster.port}/postgres?{options.format(folder=folder)}"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PRACTICE_LINKS_", "PG"))}
    env |= {"PRACTICE_LINKS_DATABASE__URL": url, "PRACTICE_LINKS_DATA_DIR": str(folder / "ours"), "HOME": str(folder)}
    return subprocess.run([binary, "migrate"], cwd=folder, env=env, capture_output=True).returncode == 0


def check(binary, cluster):
    full = "sslmode=verify-full&sslrootcert={folder}/ca.pem"
    certificate = "&sslcert={folder}/certified.pem&sslkey={folder}/certified.key"
    accepted = [
        ("sslmode=require", {}),
        (full, {}),
        # SCRAM bound to the server's certificate (`tls-server-end-point`), in both versions of TLS.
        (full + "&channel_binding=require", {}),
        (full + "&channel_binding=require&ssl_max_protocol_version=TLSv1.2", {}),
        (full + certificate, {"user": "certified"}),
    ]
    # Each differs in one point from one that is accepted. The certificate is for `localhost`.
    refused = [
        ("sslmode=disable", {}),
        ("sslmode=verify-full&sslrootcert={folder}/other.pem", {}),
        (full, {"host": "127.0.0.1"}),
        (full, {"user": "test:wrong"}),
        (full, {"user": "certified"}),
    ]
    for options, how in accepted:
        assert can_connect(binary, cluster, options, **how), f"refused: {options} {how}"
    for options, how in refused:
        assert not can_connect(binary, cluster, options, **how), f"accepted: {options} {how}"
    print(f"PostgreSQL over TLS: {len(accepted)} connections accepted, {len(refused)} refused")


def main(binary):
    with tempfile.TemporaryDirectory(prefix="practice-links-tls-") as folder:
        folder = pathlib.Path(folder)
        make_authority(folder, "ca")
        make_authority(folder, "other")
        make_certificate(folder, "server", "localhost")
        make_certificate(folder, "certified", "certified")
        with Cluster(folder) as cluster:
            check(binary, cluster)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
