"""Makes the database that every Keystone begins with: tables, roles, and administrators of one project each.

Runs in the environment of Keystone: make_keystone.py CONFIGURATION [USER PASSWORD PROJECT]...
"""

import sys

configuration, *words = sys.argv[1:]
sys.argv[1:] = []  # Keystone reads the command line too.

from keystone import server  # noqa: E402
from keystone.cmd.bootstrap import Bootstrapper  # noqa: E402
from keystone.common.sql import upgrades  # noqa: E402


def main() -> None:
    server.configure(config_files=[configuration])
    upgrades.offline_sync_database_to_version()
    maker = Bootstrapper()
    maker.admin_role_name = "admin"
    maker.service_name, maker.region_id = "keystone", "RegionOne"
    maker.public_url = maker.internal_url = maker.admin_url = "http://127.0.0.1/v3"
    for at in range(0, len(words), 3):
        maker.admin_username, maker.admin_password, maker.project_name = words[at : at + 3]
        maker.bootstrap()


if __name__ == "__main__":
    main()
