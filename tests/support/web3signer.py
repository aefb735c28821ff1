"""A server that implements the published API of web3signer's `eth1` mode, over the real eth-account.

web3signer itself is a Java program that no registry used here carries. What is strict in it is strict here: JSON-RPC by
POST at the root, one object as the only parameter of `eth_signTransaction`, its numbers hex text, `nonce` given, the
chain of the server's own configuration whatever the object says; an address and typed data for `eth_signTypedData`,
with `EIP712Domain` among its types; errors with HTTP 400.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data

INVALID_PARAMS = {"code": -32602, "message": "Invalid params"}
NOT_UNLOCKED = {"code": -32000, "message": "From address does not match an unlocked account"}
NOT_FOUND = {"code": -32601, "message": "Method not found"}
Answer = dict[str, Any]


class Web3Signer:
    """`twist` alters the request before it is carried out, `lie` the answer after."""

    def __init__(self, keys: list[bytes], chain_id: int) -> None:
        self.keys = {Account.from_key(key).address.lower(): key for key in keys}
        self.chain_id, self.url, self.asked = chain_id, "", list[str]()
        self.twist: Callable[[Answer], Answer] = lambda request: request
        self.lie: Callable[[Answer], Answer | bytes] = lambda answer: answer

    def answer(self, request: Answer) -> tuple[int, Answer]:
        methods = {"eth_signTransaction": self._transaction, "eth_signTypedData": self._typed}
        self.asked.append(request["method"])
        head = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] not in methods:
            return 400, head | {"error": NOT_FOUND}
        try:
            return 200, head | {"result": methods[request["method"]](self.twist(request)["params"])}
        except PermissionError:
            return 400, head | {"error": NOT_UNLOCKED}
        except (KeyError, ValueError, TypeError, AssertionError, AttributeError):
            return 400, head | {"error": INVALID_PARAMS}

    def _key(self, address: str) -> bytes:
        if address.lower() not in self.keys:
            raise PermissionError
        return self.keys[address.lower()]

    def _transaction(self, params: list[Any]) -> str:
        [asked] = params
        numbers = ("gas", "gasPrice", "nonce", "value", "maxFeePerGas", "maxPriorityFeePerGas")
        fields = {name: int(asked[name], 16) for name in numbers if name in asked}
        assert "nonce" in fields
        fields |= {"chainId": self.chain_id, "data": asked["data"]} | ({"to": asked["to"]} if "to" in asked else {})
        return "0x" + bytes(Account.sign_transaction(fields, self._key(asked["from"])).raw_transaction).hex()

    def _typed(self, params: list[Any]) -> str:
        address, typed = params
        assert "EIP712Domain" in typed["types"]
        signed = Account.sign_message(encode_typed_data(full_message=typed), self._key(address))
        return "0x" + bytes(signed.signature).hex()


@contextmanager
def web3signer(keys: list[bytes], chain_id: int) -> Iterator[Web3Signer]:
    """Run one at a port of its own."""
    signer = Web3Signer(keys, chain_id)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = signer.answer(json.loads(body)) if self.path == "/" else (404, {})
            said = signer.lie(answer)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signer.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield signer
    finally:
        server.shutdown()
        server.server_close()
