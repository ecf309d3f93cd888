# SPDX-License-Identifier: GPL-2.0
"""Serve what a command prints as OpenMetrics: serve.py COMMAND...

On a port of the loopback that is free, which is printed. A command that fails is a 500.
"""
import http.server
import subprocess
import sys

TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=False)
        self.send_response(500 if said.returncode else 200)
        self.send_header("Content-Type", TYPE)
        self.end_headers()
        self.wfile.write(said.stdout)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print("address=127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
