"""An EVM, with the committed build of GramAnchor on it, and its three signers."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi import decode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract

from contracts import artifact

TYPES = {
    "Checkpoint": [
        {"name": "size", "type": "uint64"},
        {"name": "root", "type": "bytes32"},
        {"name": "frontier", "type": "uint64"},
        {"name": "ended", "type": "uint64"},
    ]
}


@dataclass(frozen=True)
class Anchoring:
    """A deployed contract and the keys of its signers, two of whom must sign."""

    web3: Web3
    contract: Contract
    keys: Sequence[Any]

    def sign(self, checkpoint: dict[str, Any], *signers: int) -> list[bytes]:
        """Sign as wallets do, from the domain that the contract states."""
        _, name, version, chain_id, address, _, _ = self.contract.functions.eip712Domain().call()
        domain = {"name": name, "version": version, "chainId": chain_id, "verifyingContract": address}
        message = encode_typed_data(domain, TYPES, checkpoint)
        return [bytes(self.keys[signer].sign_message(message).signature) for signer in signers]

    def prepare(self, checkpoint: dict[str, Any], proof: Sequence[bytes], signers: Sequence[int] = (0, 2)) -> Any:
        """A call of `anchor`, signed, to be made or only tried."""
        signatures = self.sign(checkpoint, *signers)
        return self.contract.functions.anchor(*checkpoint.values(), list(proof), signatures)

    def anchor(self, checkpoint: dict[str, Any], proof: Sequence[bytes], signers: Sequence[int] = (0, 2)) -> int:
        """Anchor a checkpoint and give the gas of the whole transaction."""
        sent = self.prepare(checkpoint, proof, signers).transact({"from": self.web3.eth.accounts[0]})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1
        return int(receipt["gasUsed"])

    def refusal(self, call: Any) -> tuple[Any, ...]:
        """Try a call that must revert, and give the custom error's name and arguments."""
        with pytest.raises(TransactionFailed) as failed:
            call.call()
        # eth-tester keeps the data only as Python would write it, in the sentence
        data: bytes = ast.literal_eval(str(failed.value).removeprefix("execution reverted: "))
        for item in self.contract.abi:
            types = [field["type"] for field in item.get("inputs", ())]
            if item["type"] == "error" and self.web3.keccak(text=f"{item['name']}({','.join(types)})")[:4] == data[:4]:
                return item["name"], *decode(types, data[4:])
        raise AssertionError(f"no custom error of the contract: {data!r}")


@pytest.fixture(scope="session")
def deployed() -> tuple[EthereumTester, Anchoring]:
    tester = EthereumTester(PyEVMBackend())
    web3 = Web3(EthereumTesterProvider(tester))
    keys = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
    build = artifact()
    factory = web3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
    deployment = factory.constructor([key.address for key in keys], 2).transact({"from": web3.eth.accounts[0]})
    address = web3.eth.wait_for_transaction_receipt(deployment)["contractAddress"]
    return tester, Anchoring(web3, web3.eth.contract(address=address, abi=build["abi"]), keys)


@pytest.fixture
def anchoring(deployed: tuple[EthereumTester, Anchoring]) -> Iterator[Anchoring]:
    """As it was deployed: what a test does to it is undone."""
    tester, contract = deployed
    snapshot = tester.take_snapshot()
    yield contract
    tester.revert_to_snapshot(snapshot)
