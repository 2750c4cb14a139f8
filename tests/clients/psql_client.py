"""Debian's psql and pgbench, which come with libpq 15 or newer: its own queries for \\d, \\copy, \\gexec, \\watch, pipelines."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from activities import Activities, dsn

activity = Activities(subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.strip())
PLACE = Path(tempfile.mkdtemp(prefix="pgproctor-psql-"))


def psql(script, *options, **named):
    done = subprocess.run(["psql", "-X", *options, dsn(**named)], input=script, capture_output=True, text=True, timeout=60)
    return [done.returncode, done.stdout.replace(str(PLACE), "<place>"), done.stderr]


@activity("query")
def query():
    return psql(
        "CREATE TABLE item (id int PRIMARY KEY, name text); CREATE INDEX ON item (lower(name));\n"
        "INSERT INTO item SELECT g, 'name ' || g FROM generate_series(1, 1000) g;\n"
        "SELECT * FROM item WHERE id < 4 \\; SELECT 2 \\; SELECT 3;\nTABLE item;\n\\set FETCH_COUNT 77\nTABLE item;\n"
        "SELECT format('SELECT %s', g) FROM generate_series(1, 4) g \\gexec\nSELECT 1 AS one \\gset\nSELECT :one + 1;\nSELECT $1::int + 1 \\bind 4 \\g\n"
    )


@activity("catalogs")
def catalogs():
    return psql("\\d item\n\\dt+ item\n\\di\n\\df lower\n\\du client\n\\dn\n\\dT int4\n\\l template1\n\\sf+ lower\n\\encoding\n\\conninfo\n")[::2], psql("\\d item\n\\di\n\\dx\n")


@activity("transaction")
def transaction():
    return psql("BEGIN;\nDELETE FROM item;\nSELECT 1/0;\nSELECT 1;\nROLLBACK;\nSELECT count(*) FROM item;\n"), psql(
        "BEGIN;\nSELECT 1/0;\nSELECT 1;\nCOMMIT;\n", "-v", "ON_ERROR_ROLLBACK=on"), psql("DELETE FROM item;\nSELEC;\n", "-1", "-v", "ON_ERROR_STOP=1"), psql("SELECT count(*) FROM item")


@activity("copy out")
def copy_out():
    outcome = psql(f"\\copy item TO '{PLACE}/item'\nCOPY item TO STDOUT (FORMAT csv);\n\\copy (SELECT 1 / (500 - id) FROM item) TO '{PLACE}/wrong'\nSELECT 1;\n")
    return outcome, (PLACE / "item").read_text()


@activity("copy in")
def copy_in():
    return psql(f"CREATE TABLE copied (LIKE item);\n\\copy copied FROM '{PLACE}/item'\nCOPY copied FROM STDIN;\n1\ta\n2\tb\n\\.\nCOPY copied FROM STDIN;\nx\ta\n\\.\nSELECT count(*), sum(id) FROM copied;\n")


@activity("notify")
def notify():
    _, out, err = psql("LISTEN here;\nNOTIFY here, 'hello';\nDO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$;\n")
    # The last word is the process id.
    return out.rpartition("PID")[0], err


@activity("error")
def error():
    return psql("SELECT 1/0;\nSELECT nme FROM item;\n\\errverbose\nINSERT INTO item VALUES (1, 'again');\nSELECT 1;\n"), psql("SELECT 1", password="wrong"), psql("SELECT 1", dbname="nowhere")


@activity("cancel")
def cancel():
    """By Ctrl-C, as a person does."""
    child = subprocess.Popen(["psql", "-XAt", dsn(), "-c", "SELECT pg_sleep(20)", "-c", "SELECT 1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    return child.communicate(timeout=15), child.returncode


@activity("batch")
def batch():
    (PLACE / "pipeline").write_text("\\startpipeline\nSELECT 1;\nSELECT abalance FROM pgbench_accounts WHERE aid = 7;\nSELECT 2;\n\\endpipeline\n")
    outcomes = [subprocess.run(["pgbench", "-i", "-q", "-s", "1", dsn()], capture_output=True, text=True).returncode]
    for mode in ("simple", "extended", "prepared"):
        for script in (["-N"], ["-S"], *([["-f", PLACE / "pipeline"]] if mode != "simple" else [])):
            done = subprocess.run(["pgbench", "-n", "-M", mode, "-c", "4", "-t", "30", *script, dsn()], capture_output=True, text=True)
            outcomes.append([done.returncode, [line for line in done.stdout.splitlines() if "transactions" in line and "tps" not in line], done.stderr])
    return outcomes


@activity("reconnect")
def reconnect():
    status, out, err = psql("SELECT pg_terminate_backend(pg_backend_pid());\nSELECT 1;\n\\c\nSELECT 2;\n")
    return status, out, err


activity.run()
shutil.rmtree(PLACE)
