from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# The example of the design, key for key.
CONTRACT = """\
hostname: tickets.example.org
listen:
  lmtp: 127.0.0.1:8024              # or unix:/run/poterne/lmtp.sock, or systemd (socket activation)
  http: 127.0.0.1:8025
database: sqlite:////var/lib/poterne/poterne.db    # or postgresql+psycopg://…
raw_mail: database                  # or file:///var/lib/poterne/raw, or s3://bucket/prefix
secret: {file: secret} # also {env: NAME}, {credential: NAME} (systemd LoadCredential)
limits: {message_size: 50MiB, connections: 200}
queues:
  support:
    name: Support
    colour: "#2f6fde"
    creation_addresses:
      - support-in@tickets.example.org
      - {address: incident@tickets.example.org, type: incident}
    inboxes: [support@example.org]  # customers write here; it forwards to a creation address
    forwarders: [support@example.org]
    from: Example Support <support@example.org>
    reply_via: relay
    acknowledge: true
    appearance: {background: "#f4f5f7", accent: "#2f6fde", signature: "The Example team", logo: null, locale: en}
channels:
  relay:  {type: relay, host: 127.0.0.1, port: 25}
  it:     {type: smtp, host: smtp.abc.example, port: 587, tls: starttls, username: it, password: {credential: it-smtp}}
  google: {type: gmail, account: support@example.com, password: {file: gmail-app-password}}
  o365:   {type: office365, account: help@example.net, tenant: …, client_id: …}
connections:                        # direct inboxes; each also gives its queue a channel of the same name
  google: {type: gmail, queue: support, account: support@example.com, password: {file: gmail-app-password}}
dkim:
  - {domain: example.org, selector: p2026, key: {file: example.org.pem}}
loop_protection:
  blocklist: ["noreply@*", "*@lists.example.org"]   # never sent to; own addresses join by themselves
  limits: {address: {10min: 1, 24h: 3, 7d: 8}}
  overrides:                        # never lift the bound
    - {sender: "*@monitoring.example.org", treat_as: human}       # or automatic, or refuse
trust:
  authserv_ids: [mx.example.org]    # only the topmost Authentication-Results of these counts
routing:                            # first match wins; sets queue, type, priority, assignee, tags
  - {when: {sender_domain: bigcustomer.example}, set: {priority: high}}
agents: {}                          # local accounts live in the database: `poterne agent add`
"""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """The example of the design as a file; what it points at is missing."""
    path = tmp_path / "poterne.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return path
