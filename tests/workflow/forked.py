"""What Snakemake starts in place of Python in `preloaded`: asks it to run a script, and ends as that ends."""

import json
import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect(os.environ["LASS_TEST_JOBS"])
asked = {"arguments": sys.argv[1:], "environment": dict(os.environ), "directory": os.getcwd()}  # noqa: PTH109
socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
status = connection.recv(16)
sys.exit(int(status) if status else 137)  # nothing: it was killed
