// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorTest} from "./AnchorTest.sol";
import {vm} from "./Vm.sol";

contract DomainTests is AnchorTest {
    function testFuzz_domainIsOfThisChainAndContract(uint32 chain) public {
        vm.chainId(chain);
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = anchor.eip712Domain();
        vm.assertEq(bytes32(fields), bytes32(bytes1(0x0f)));
        vm.assertEq(name, "Gramledger");
        vm.assertEq(version, "1");
        vm.assertEq(chainId, chain);
        vm.assertEq(verifyingContract, address(anchor));
        vm.assertEq(salt, 0);
        vm.assertEq(extensions.length, 0);
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        vm.assertEq(
            anchor.DOMAIN_SEPARATOR(),
            keccak256(abi.encode(kind, keccak256(bytes(name)), keccak256(bytes(version)), chainId, verifyingContract))
        );
    }
}
