// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorTest} from "./AnchorTest.sol";
import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

contract IncludedTests is AnchorTest {
    function testFuzz_everyLeafOfEveryAnchoredSize(uint8 first, uint8 second, uint8 position) public {
        uint64 size1 = uint64(_bound(first, 1, 60));
        uint64 size2 = uint64(_bound(second, size1 + 1, 90));
        uint64 index = uint64(_bound(position, 0, size1 - 1));
        _anchorLog(size1);
        _anchorLog(size2);
        vm.assertTrue(anchor.included(Tree.leaf(index), index, size1, Tree.path(index, size1)));
        vm.assertTrue(anchor.included(Tree.leaf(index), index, size2, Tree.path(index, size2)));
    }

    function testFuzz_anythingElseIsFalse(bytes calldata leaf, uint64 index, uint8 place, bytes32[] calldata path)
        public
    {
        _anchorLog(20);
        uint64 true_ = uint64(_bound(place, 0, 19));
        bytes32[] memory good = Tree.path(true_, 20);
        vm.assume(keccak256(leaf) != keccak256(Tree.leaf(true_)));
        vm.assume(index != true_);
        vm.assume(keccak256(abi.encode(path)) != keccak256(abi.encode(good)));
        vm.assertFalse(anchor.included(leaf, true_, 20, good));
        vm.assertFalse(anchor.included(Tree.leaf(true_), index, 20, good));
        vm.assertFalse(anchor.included(Tree.leaf(true_), true_, 20, path));
    }

    /// @dev A node's 64 bytes are no leaf: leaves and nodes are hashed with different prefixes.
    function test_nodeIsNoLeaf() public {
        _anchorLog(2);
        bytes32[] memory hashes = Tree.leaves(2);
        vm.assertFalse(anchor.included(abi.encodePacked(hashes[0], hashes[1]), 0, 2, new bytes32[](0)));
    }

    function testFuzz_unanchoredSizeReverts(uint64 size) public {
        _anchorLog(20);
        vm.assume(size != 20);
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.NotAnchored.selector, size));
        anchor.included(Tree.leaf(0), 0, size, new bytes32[](0));
    }
}
