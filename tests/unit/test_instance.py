"""An instance is read and tried as a whole: good values, or one error that says what to mend."""

from __future__ import annotations

import base64
import io

import pytest
import structlog

from gateway import instance
from gateway.config.load import load
from gateway.errors import ConfigError
from gateway.instance import note_loaded, note_refused, read_instance, shown_url
from gateway.outbound.dkim import generate
from gateway.telemetry import log, metrics
from tests.support.daemon import Daemon

DKIM = 'dkim: [{{domain: example.org, selector: s1, key: {{file: "{key}"}}}}]\n'
CHANNEL = (
    '  far: {{type: smtp, host: smtp.example.net, tls: starttls, username: it, password: {{file: "{password}"}}}}\n'
)


@pytest.fixture
def files(tmp_path):
    """Return a configuration with a key and a password, and the paths of both."""
    key, password = tmp_path / "dkim.pem", tmp_path / "password"
    for path, content in ((key, generate("ed25519")), (password, b"canary-of-the-channel\n")):
        path.touch(mode=0o600)
        path.write_bytes(content)
    daemon = Daemon(tmp_path, more=CHANNEL.format(password=password) + DKIM.format(key=key))
    return daemon.config, key, password


def test_everything_that_the_file_names_is_read(files):
    config, _, _ = files
    read = read_instance(config)

    assert [key.name for key in read.signing_keys] == ["s1._domainkey.example.org"]
    assert read.passwords == {"far": "canary-of-the-channel"}
    assert read.policy.letterheads["support"].from_.address == "support@example.org"
    assert "support@tickets.example.org" in read.store_options.own_addresses
    assert read.store_options.bound.windows("address")[0][1] == 1


def test_no_secret_shows_in_the_instance_or_in_the_log(files):
    config, _, _ = files
    read = read_instance(config)
    stream = io.StringIO()
    log.configure("info", "text", stream)
    log.get_logger().warning("library.message", text="login with canary-of-the-channel failed")
    structlog.reset_defaults()

    assert "canary" not in repr(read)
    assert "canary" not in stream.getvalue()


def test_the_secrets_of_webhooks_stay_out_of_the_log(tmp_path):
    secret = f"whsec_{base64.b64encode(b'canary of the webhook, long').decode()}"
    path = tmp_path / "webhook"
    path.touch(mode=0o600)
    path.write_text(secret)
    daemon = Daemon(
        tmp_path, more=f"webhooks: {{chat: {{url: https://chat.example.org/, secret: {{file: '{path}'}}}}}}"
    )
    read_instance(daemon.config)
    stream = io.StringIO()
    log.configure("info", "text", stream)
    log.get_logger().warning("library.message", text=f"signed with {secret}")
    structlog.reset_defaults()

    assert secret not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


@pytest.mark.parametrize("broken", ["key", "password"])
def test_a_file_that_cannot_be_used_is_one_error_with_its_cure(files, broken):
    config, key, password = files
    {"key": key, "password": password}[broken].chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        read_instance(config)

    assert f"{config}:" in str(caught.value)
    assert "chmod" in str(caught.value)


def test_a_file_that_changes_between_check_and_use_is_an_error_of_the_configuration_too(files, monkeypatch):
    config, key, _ = files
    checked = load(config)
    monkeypatch.setattr(instance, "load", lambda _path: checked)
    key.write_text("no key at all")
    with pytest.raises(ConfigError) as caught:
        read_instance(config)

    assert "PEM" in str(caught.value)


def test_a_database_url_is_shown_without_its_password():
    assert shown_url("postgresql+psycopg://poterne:canary@db.example.org/x").count("canary") == 0


def test_metrics_tell_whether_the_last_reading_was_good():
    def loaded():
        return metrics.REGISTRY.get_sample_value("poterne_config_last_reload_success")

    note_loaded(good=True)
    good = loaded()
    note_refused(RuntimeError("x"))

    assert (good, loaded()) == (1, 0)
