"""Nothing is sent inside: not by any address, not by any name, and not by one that changes where it leads."""

import datetime as dt
import ipaddress
import os
import ssl
from itertools import chain, repeat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.webhooks.courier import Outcome, Sender
from api.webhooks.target import NotAllowed, address_of, is_public, read_target
from registry.clock import system_clock
from registry.errors import Invalid
from registry.events.feed import Event
from registry.webhooks.sending import Delivery
from tests.support.receivers import receiver

words = str.split
INSIDE = words("""
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
    192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::a00:1
    64:ff9b:1::a00:1 100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1
    3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1
""")
OUTSIDE = words("1.1.1.1 8.8.8.8 114.114.114.114 223.5.5.5 2400:3200::1 2606:4700:4700::1111 2a00:1450:4001::5e")


def delivery_to(url: str) -> Delivery:
    return Delivery(1, 2, url, [b"k" * 32], Event(1, "webhook.test", 1_764_300_000_000, {"webhook": 1}), 0, 0)


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_public(address):
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(NotAllowed):
        address_of(read_target("https://a.example/", in_development=False), lambda *_: [address], in_development=False)
    together = ["1.1.1.1", address]
    with pytest.raises(NotAllowed):
        address_of(read_target("https://a.example/", in_development=True), lambda *_: together, in_development=True)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_outside_is_sent_to(address):
    assert is_public(ipaddress.ip_address(address))
    target = read_target("https://a.example/in?x=1", in_development=False)
    found = address_of(target, lambda *_: [address], in_development=False)
    assert ipaddress.ip_address(target.at(found).host) == ipaddress.ip_address(address)
    assert (target.at(found).port or 443, target.at(found).raw_path, target.authority) == (443, b"/in?x=1", "a.example")


@pytest.mark.parametrize(
    "written", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "127.0.0.1.", "[::1]"]
)
def test_however_this_machine_is_written_it_is_sent_nothing_in_production(written):
    with receiver() as house:
        port = house.url.rpartition(":")[2]
        with pytest.raises(Invalid):
            read_target(f"http://{written}:{port}/ok", in_development=False)
        sender = Sender(system_clock, in_development=False)
        for url in (f"https://{written}/ok", f"https://{written}:8443/ok"):
            assert sender.send(delivery_to(url)) == Outcome(
                None, "the name leads to no address that anything is sent to"
            )
        sender.close()
    assert house.came == []


def certified(name: str, tmp_path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for a name, and a client's that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    kinds = pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path / "server.pem"
    path.write_bytes(certificate.public_bytes(pem) + key.private_bytes(*kinds))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=certificate.public_bytes(pem).decode())


def test_a_name_is_looked_up_once_and_goes_along_for_tls_and_host(tmp_path):
    """The name leads nowhere in the world's DNS: that it comes there shows which address the connection went to."""
    name, there = "hooks.city.example", f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    server, trusting = certified(name, tmp_path)
    with receiver(server, (there, 8443)) as house:
        answers = chain([[there]], repeat(["10.0.0.1"]))  # it would lead elsewhere if it were asked again
        sender = Sender(system_clock, in_development=True, resolve=lambda *_: next(answers), context=trusting)
        assert sender.send(delivery_to(f"https://{name}:8443/ok")) == Outcome(204)
        assert (house.names, house.at("/ok")[0][0]["host"]) == ([name], f"{name}:8443")
        assert sender.send(delivery_to(f"https://{name}:8443/ok")).status is None, "it leads inside by now"
        sender.close()
        always = Sender(system_clock, in_development=True, resolve=lambda *_: [there], context=trusting)
        refused = always.send(delivery_to("https://other.city.example:8443/ok"))
        assert refused.failure == "TLS failed: see the certificate", "what answers there is not of this name"
        assert always.send(delivery_to(f"https://{name}:8443/moved")).status == 302
        always.close()
    assert [path for path, *_ in house.came] == ["/ok", "/moved"]
