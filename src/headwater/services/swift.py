"""OpenStack Swift as one process: object storage with its own users, or with those of a Keystone beside it."""

from collections.abc import Mapping
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.services.needs import Need
from headwater.services.service import Launch, exchanged
from headwater.services.venv import Environment

NAME = "swift"
SENTENCE = "OpenStack Swift, object storage"
PORTS = ("http",)
USER = "test:tester"
PASSWORD = "testing"
"""Of a user who may do everything in the account `test`; without Keystone."""
ENVIRONMENT = Environment(NAME)
NEEDS: tuple[Need, ...] = (ENVIRONMENT,)
METADATA_BYTES_MAX = 3000
"""ext4 keeps less than 4 KB of extended attributes of a file, and Swift keeps an object's metadata there."""
FILTERS = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "tempurl", "copy", "slo", "dlo")
HEALTH = b"GET /healthcheck HTTP/1.0\r\n\r\n"
SWIFT = f"""\
[swift-hash]
swift_hash_path_prefix = headwater
swift_hash_path_suffix = headwater
[storage-policy:0]
name = gold
default = yes
[swift-constraints]
max_meta_overall_size = {METADATA_BYTES_MAX}
"""
PROXY = """\
[DEFAULT]
swift_dir = {folder}
workers = 0
[pipeline:main]
pipeline = {pipeline} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:cache]
paste.filter_factory = localcache:filter_factory
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""
OWN_USERS = f"""\
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_{USER.replace(":", "_")} = {PASSWORD} .admin
user_admin_admin = admin .admin .reseller_admin
"""
KEYSTONE = """\
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {url}
auth_url = {url}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = swift
password = swift
delay_auth_decision = True
cache = swift.cache
include_service_catalog = False
service_token_roles_required = True
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
"""


def prepare(folder: Path, ports: Mapping[str, int]) -> Launch:
    """A Swift with the users of the Keystone that runs beside it, else with its own."""
    keystone = ports.get("keystone.http")
    address = f"{LOOPBACK}:{ports['http']}"
    (folder / "swift.conf").write_text(SWIFT)
    (folder / "proxy-server.conf").write_text(proxy(folder, f"http://{LOOPBACK}:{keystone}/v3" if keystone else ""))
    return Launch(
        command=ENVIRONMENT.command("serve_swift.py", str(folder), str(ports["http"])),
        addresses={"http": address},
        ready=lambda: b" 200 OK" in exchanged(address, HEALTH),
        environment={"PYTHONWARNINGS": "ignore"},
        usage=(
            "the users are those of keystone"
            if keystone
            else f"export ST_AUTH=http://{address}/auth/v1.0 ST_USER={USER} ST_KEY={PASSWORD}",
        ),
    )


def proxy(folder: Path, keystone_url: str) -> str:
    """The text of `proxy-server.conf`; tokens are Keystone's where it has a URL."""
    # Who knows S3 only is one of Swift's own users too: USER as the access key, PASSWORD as the secret.
    users = ("authtoken", "keystoneauth") if keystone_url else ("s3api", "tempauth")
    # symlink stands to the right of versioned_writes, which needs it.
    pipeline = (*FILTERS[:3], "cache", *FILTERS[3:6], *users, *FILTERS[6:], "versioned_writes", "symlink")
    sections = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in FILTERS)
    login = KEYSTONE.format(url=keystone_url) if keystone_url else OWN_USERS
    return PROXY.format(folder=folder, pipeline=" ".join(pipeline)) + sections + login
