"""Serves Keystone on a loopback port, in one process; runs in its environment: serve_keystone.py CONFIGURATION PORT."""

import os
import sys

configuration, port = sys.argv[1:]
os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
sys.argv[1:] = []  # Keystone reads the command line too.

from keystone.server.wsgi import initialize_public_application  # noqa: E402
from werkzeug.serving import run_simple  # noqa: E402

run_simple("127.0.0.1", int(port), initialize_public_application(), threaded=True)
