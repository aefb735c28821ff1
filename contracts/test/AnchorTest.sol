// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

/// @notice A contract with three signers of whom two must sign, a log to anchor, and what one does with them.
abstract contract Anchoring {
    struct Checkpoint {
        uint64 size;
        bytes32 root;
        uint64 frontier;
        uint64 ended;
    }

    uint256 internal constant CENTRE = 0xC1;
    uint256 internal constant EXCHANGE = 0xE2;
    uint256 internal constant BUREAU = 0xB3;
    uint256 internal constant STRANGER = 0x51;

    IGramAnchor internal anchor;

    function _deploy() internal {
        anchor = IGramAnchor(_deploy(_addresses(_keys(CENTRE, EXCHANGE, BUREAU)), 2));
    }

    /// @dev By name, so that it is the contract as deployed, whatever the settings of the test that asks (foundry.toml).
    function _deploy(address[] memory signers, uint256 threshold) internal returns (address) {
        return vm.deployCode("GramAnchor.sol:GramAnchor", abi.encode(signers, threshold));
    }

    function _keys(uint256 first, uint256 second) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](2);
        (keys[0], keys[1]) = (first, second);
    }

    function _keys(uint256 first, uint256 second, uint256 third) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](3);
        (keys[0], keys[1], keys[2]) = (first, second, third);
    }

    function _addresses(uint256[] memory keys) internal pure returns (address[] memory accounts) {
        accounts = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            accounts[i] = vm.addr(keys[i]);
        }
    }

    /// @dev The checkpoint of the test log's first `size` leaves, ten grams issued and four ended a leaf.
    function _checkpoint(uint64 size) internal pure returns (Checkpoint memory) {
        return Checkpoint(size, Tree.root(size), size * 10, size * 4);
    }

    function _typed(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Gramledger"),
                keccak256("1"),
                block.chainid,
                address(anchor)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _digest(Checkpoint memory c) internal view returns (bytes32) {
        bytes32 kind = keccak256("Checkpoint(uint64 size,bytes32 root,uint64 frontier,uint64 ended)");
        return _typed(keccak256(abi.encode(kind, c.size, c.root, c.frontier, c.ended)));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _sign(uint256[] memory keys, bytes32 digest) internal pure returns (bytes[] memory signatures) {
        signatures = new bytes[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            signatures[i] = _sign(keys[i], digest);
        }
    }

    /// @dev Anchor with the signatures of two signers.
    function _anchor(Checkpoint memory c, bytes32[] memory proof) internal {
        _anchor(c, proof, _sign(_keys(BUREAU, CENTRE), _digest(c)));
    }

    function _anchor(Checkpoint memory c, bytes32[] memory proof, bytes[] memory signatures) internal {
        anchor.anchor(c.size, c.root, c.frontier, c.ended, proof, signatures);
    }

    function _anchorLog(uint64 size) internal {
        _anchor(_checkpoint(size), Tree.proof(anchor.size(), size));
    }

    /// @dev Leaf `index` of the test log's first `size` leaves, with its proof.
    function _entry(uint64 index, uint64 size) internal pure returns (IGramAnchor.Entry memory) {
        return IGramAnchor.Entry(Tree.leaf(index), index, Tree.path(index, size));
    }

    /// @dev Anchor, and expect this refusal. Signing comes first, since `expectRevert` is about the very next call.
    function _refuse(Checkpoint memory c, bytes32[] memory proof, bytes memory refusal) internal {
        _refuse(c, proof, _sign(_keys(BUREAU, CENTRE), _digest(c)), refusal);
    }

    function _refuse(Checkpoint memory c, bytes32[] memory proof, bytes[] memory signatures, bytes memory refusal)
        internal
    {
        vm.expectRevert(refusal);
        _anchor(c, proof, signatures);
    }

    function _bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}

/// @notice What every test of the contract starts from.
abstract contract AnchorTest is Anchoring {
    function setUp() public {
        _deploy();
    }
}
