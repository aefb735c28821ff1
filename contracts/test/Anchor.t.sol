// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorTest} from "./AnchorTest.sol";
import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

contract AnchorTests is AnchorTest {
    bytes32[] private none;

    function test_firstCheckpointNeedsNoProof() public {
        Checkpoint memory c = _checkpoint(7);
        bytes[] memory signatures = _sign(_keys(CENTRE, EXCHANGE), _digest(c));
        vm.expectEmit(address(anchor));
        emit IGramAnchor.Anchored(c.size, c.root, c.frontier, c.ended, 0);
        vm.prank(address(0xAAAA)); // anyone may pay
        _anchor(c, none, signatures);

        vm.assertEq(anchor.size(), 7);
        vm.assertEq(anchor.root(), c.root);
        vm.assertEq(anchor.rootAt(7), c.root);
        vm.assertEq(anchor.frontier(), 70);
        vm.assertEq(anchor.ended(), 28);
        vm.assertEq(anchor.threshold(), 2);
        vm.assertFalse(anchor.broken());
    }

    function test_firstCheckpointWithProofIsRefused() public {
        _refuse(
            _checkpoint(7), Tree.proof(3, 7), abi.encodeWithSelector(IGramAnchor.Inconsistent.selector, uint64(0), 7)
        );
    }

    function testFuzz_logContinues(uint8 first, uint8 second) public {
        uint64 size1 = uint64(_bound(first, 1, 64));
        uint64 size2 = uint64(_bound(second, size1 + 1, 100));
        _anchorLog(size1);
        _anchorLog(size2);
        vm.assertEq(anchor.root(), Tree.root(size2));
        vm.assertEq(anchor.rootAt(size1), Tree.root(size1));
    }

    function testFuzz_rewrittenLogIsRefused(uint8 first, uint8 second, bytes32 root) public {
        uint64 size1 = uint64(_bound(first, 1, 64));
        Checkpoint memory c = _checkpoint(uint64(_bound(second, size1 + 1, 100)));
        vm.assume(root != c.root && root != 0);
        _anchorLog(size1);
        bytes32[] memory proof = Tree.proof(size1, c.size);
        c.root = root;
        _refuse(c, proof, abi.encodeWithSelector(IGramAnchor.Inconsistent.selector, size1, c.size));
    }

    function test_sizeMustGrow() public {
        _anchorLog(5);
        for (uint64 size = 0; size <= 5; ++size) {
            Checkpoint memory c = _checkpoint(5);
            c.size = size;
            _refuse(c, none, abi.encodeWithSelector(IGramAnchor.SizeNotGrown.selector, 5, size));
        }
    }

    function test_sizeHasALimit() public {
        Checkpoint memory c = Checkpoint(anchor.MAX_SIZE() + 1, bytes32(uint256(1)), 0, 0);
        _refuse(c, none, abi.encodeWithSelector(IGramAnchor.SizeTooLarge.selector, c.size));
        c.size -= 1;
        _anchor(c, none);
        vm.assertEq(anchor.size(), 2 ** 44);
    }

    function test_zeroRootIsRefused() public {
        Checkpoint memory c = _checkpoint(5);
        c.root = 0;
        _refuse(c, none, abi.encodeWithSelector(IGramAnchor.ZeroRoot.selector));
    }

    function test_frontierMustNotShrink() public {
        _anchorLog(5);
        Checkpoint memory c = _checkpoint(6);
        c.frontier = 49;
        _refuse(c, Tree.proof(5, 6), abi.encodeWithSelector(IGramAnchor.FrontierShrunk.selector, 50, 49));
        c.frontier = 50;
        _anchor(c, Tree.proof(5, 6));
        vm.assertEq(anchor.frontier(), 50);
    }

    function test_endedMustNotShrink() public {
        _anchorLog(5);
        Checkpoint memory c = _checkpoint(6);
        c.ended = 19;
        _refuse(c, Tree.proof(5, 6), abi.encodeWithSelector(IGramAnchor.EndedShrunk.selector, 20, 19));
        c.ended = 20;
        _anchor(c, Tree.proof(5, 6));
        vm.assertEq(anchor.ended(), 20);
    }

    function test_endedMustNotPassFrontier() public {
        Checkpoint memory c = _checkpoint(5);
        c.ended = 51;
        _refuse(c, none, abi.encodeWithSelector(IGramAnchor.EndedPassesFrontier.selector, 51, 50));
        c.ended = 50;
        _anchor(c, none);
        vm.assertEq(anchor.ended(), 50);
    }

    /// @dev The test log's leaves of eight bytes are no leaves by the rules, so any two of them convict it.
    function test_brokenContractTakesNoCheckpoint() public {
        _anchorLog(5);
        anchor.convict(5, _entry(1, 5), _entry(3, 5));
        vm.assertTrue(anchor.broken());
        _refuse(_checkpoint(6), Tree.proof(5, 6), abi.encodeWithSelector(IGramAnchor.ContractBroken.selector));
        vm.assertTrue(anchor.included(Tree.leaf(2), 2, 5, Tree.path(2, 5)));
    }
}
