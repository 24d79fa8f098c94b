"""A peer that speaks CloudEvents with the Python SDK alone: it sends the events of a file, or says on its standard output
what it has read. The words are those of tests/src/peer.rs.

    peer.py send nats|jetstream|http binary|structured|batch ADDRESS SUBJECT FILE   one event a line
    peer.py receive nats|jetstream|http ADDRESS SUBJECT COUNT                       one event a line, after "ready"

The SDK has no binding for NATS. What its users do is done here: the message that its HTTP binding makes goes over NATS, by
nats-py, headers as headers and body as payload.
"""

import asyncio
import base64
import json
import os
import sys
from datetime import timezone
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import nats
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from dateutil.parser import isoparse

STREAM = "SIGNALBOX"
CORE = ("id", "source", "type", "subject", "datacontenttype", "dataschema")


def event(plain):
    """The SDK's event of what is told."""
    attributes = {name: plain[name] for name in CORE if name in plain}
    # Otherwise the SDK says the present time.
    attributes["time"] = isoparse(plain["time"])
    attributes.update(plain.get("extensions", {}))
    data = base64.b64decode(plain["data"]) if "data" in plain else None
    # The SDK writes bytes as `data_base64`, and values as `data`.
    if data is not None and plain.get("datacontenttype") == "application/json":
        data = json.loads(data)
    return CloudEvent(attributes, data)


def plain(read):
    """What the SDK has read, told."""
    attributes = dict(read.get_attributes())
    told = {name: attributes.pop(name) for name in CORE if attributes.get(name) is not None}
    attributes.pop("specversion")
    time = attributes.pop("time", None)
    if time is not None:
        told["time"] = time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if attributes:
        told["extensions"] = {name: str(value) for name, value in attributes.items()}
    data = read.get_data()
    if data is not None:
        if isinstance(data, str):
            data = data.encode()
        if not isinstance(data, bytes):
            data = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
        told["data"] = base64.b64encode(data).decode()
    return told


def tell(message):
    """Says what the SDK makes of a message."""
    try:
        print(json.dumps(plain(http.from_http_event(message))), flush=True)
    except Exception as error:  # whatever it is, it is told
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


def post(address, message):
    """Posts a message of the SDK, with its headers and no others that say anything of the event."""
    url = urlsplit(address)
    connection = HTTPConnection(url.hostname, url.port, timeout=30)
    headers = {**message.headers, "Authorization": f"Bearer {os.environ['INTEROP_TOKEN']}"}
    connection.request("POST", url.path, message.body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 202:
        raise RuntimeError(f"{answer.status}: {text!r}")


async def publish(via, address, subject, messages):
    """Puts messages of the SDK on NATS."""
    connection = await nats.connect(address)
    for message in messages:
        if via == "jetstream":
            await connection.jetstream().publish(subject, message.body, headers=dict(message.headers))
        else:
            await connection.publish(subject, message.body, headers=dict(message.headers))
    await connection.drain()


def send(via, mode, address, subject, path):
    """Sends the events of a file."""
    with open(path, encoding="utf-8") as file:
        events = [event(json.loads(line)) for line in file]
    if mode == "batch":
        # The SDK writes events, and has no batches.
        body = b"[" + b",".join(JSONFormat().write(one) for one in events) + b"]"
        post(address, http.HTTPMessage({"content-type": "application/cloudevents-batch+json"}, body))
        return
    write = {"binary": http.to_binary_event, "structured": http.to_structured_event}[mode]
    messages = [write(one) for one in events]
    if via == "http":
        for message in messages:
            post(address, message)
    else:
        asyncio.run(publish(via, address, subject, messages))


async def subscribe(via, address, subject, count):
    """Reads messages from NATS."""
    connection = await nats.connect(address)
    if via == "jetstream":
        subscription = await connection.jetstream().subscribe(subject, stream=STREAM, ordered_consumer=True)
    else:
        subscription = await connection.subscribe(subject)
    await connection.flush()
    print(json.dumps("ready"), flush=True)
    for _ in range(count):
        message = await subscription.next_msg(timeout=30)
        tell(http.HTTPMessage(dict(message.headers or {}), message.data))
    await connection.close()


class Taker(BaseHTTPRequestHandler):
    """Takes requests."""

    def do_POST(self):
        """Accepts one, and says what it holds."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        media_type = self.headers.get("Content-Type", "")
        if media_type.startswith("application/cloudevents-batch"):
            for one in json.loads(body):
                self.server.events += 1
                tell(http.HTTPMessage({"content-type": JSONFormat.CONTENT_TYPE}, json.dumps(one).encode()))
        else:
            self.server.events += 1
            tell(http.HTTPMessage(dict(self.headers.items()), body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def receive(via, address, subject, count):
    """Says what comes in."""
    if via == "http":
        server = HTTPServer(("127.0.0.1", 0), Taker)
        server.events = 0
        print(json.dumps(f"http://127.0.0.1:{server.server_port}/"), flush=True)
        while server.events < count:
            server.handle_request()
        return
    asyncio.run(subscribe(via, address, subject, count))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(*sys.argv[2:])
    else:
        receive(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
