// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorTest} from "./AnchorTest.sol";
import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {RulesLib} from "../libraries/RulesLib.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

/// @notice Which rule two leaves break is for Rules.t.sol; here it is what the contract makes of it.
contract ConvictTests is AnchorTest {
    bytes20 private constant ANN = bytes20("ann");
    bytes20 private constant BOB = bytes20("bob");
    bytes20 private constant NOBODY = bytes20(0);
    uint64 private constant NONE = type(uint64).max;
    uint64 private constant SIZE = 14;

    bytes[] private leaves;

    /// @dev A log whose leaves 1 and 8 to 10 are lawful, and what is wrong with each other one.
    function _anchorUnlawfulLog() private {
        leaves.push(_leaf(1, 1, 10, 0, 0, 100, NONE, NOBODY, ANN)); // 0: ISSUE
        leaves.push(_leaf(2, 1, 10, 1, 0, 40, 0, ANN, BOB)); // 1: TRANSFER of 0
        leaves.push(_leaf(2, 1, 10, 1, 30, 60, 0, ANN, BOB)); // 2: takes again what 1 took
        leaves.push(_leaf(1, 1, 10, 0, 99, 120, NONE, NOBODY, BOB)); // 3: issues again what 0 issued
        leaves.push(_leaf(9, 0, 2, 48, 0, 40, 1, ANN, NOBODY)); // 4: VOID of 1, from somebody else's tag
        leaves.push(_leaf(64, 0, 0, 7, 0, 0, NONE, NOBODY, NOBODY)); // 5: a record with a purpose
        leaves.push(_leaf(9, 0, 2, 48, 0, 40, 7, BOB, NOBODY)); // 6: its parent comes later
        leaves.push(bytes.concat(leaves[1], hex"00")); // 7: 115 bytes
        leaves.push(_leaf(6, 0, 2, 0, 0, 30, 1, BOB, _target(120, 120))); // 8: GATHER
        leaves.push(_leaf(6, 0, 2, 0, 30, 40, 1, BOB, _target(120, 150))); // 9: the next of its run
        leaves.push(_leaf(12, 1, 2, 0, 120, 160, NONE, NOBODY, ANN)); // 10: their BUNDLE
        leaves.push(_leaf(12, 1, 2, 0, 119, 160, NONE, NOBODY, ANN)); // 11: BUNDLE without a GATHER before it
        leaves.push(_leaf(6, 0, 2, 0, 40, 41, 2, BOB, _target(160, 160))); // 12: GATHER without a BUNDLE behind it
        leaves.push(_leaf(2, 1, 10, 1, 60, 61, 0, ANN, BOB)); // 13: TRANSFER
        _anchor(Checkpoint(SIZE, Tree.root(_hashes(), 0, SIZE), 160, 40), new bytes32[](0));
    }

    function _leaf(
        uint8 kind,
        uint8 form,
        uint8 flags,
        uint16 purpose,
        uint64 first,
        uint64 last,
        uint64 parent,
        bytes20 fromTag,
        bytes20 toTag
    ) private pure returns (bytes memory) {
        bytes memory codes = abi.encodePacked(uint8(1), kind, form, flags, purpose, first, last, parent);
        return abi.encodePacked(codes, uint48(1000), uint48(0), fromTag, toTag, bytes32("evidence"));
    }

    function _target(uint64 bundle, uint64 first) private pure returns (bytes20) {
        return bytes20(abi.encodePacked(uint32(0), bundle, first));
    }

    function _hashes() private view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            hashes[i] = sha256(bytes.concat(hex"00", leaves[i]));
        }
    }

    function _proven(uint64 index) private view returns (IGramAnchor.Entry memory) {
        return IGramAnchor.Entry(leaves[index], index, Tree.path(_hashes(), index));
    }

    function _convicts(uint64 accused, uint64 other, RulesLib.Rule rule) private {
        _anchorUnlawfulLog();
        (IGramAnchor.Entry memory one, IGramAnchor.Entry memory two) = (_proven(accused), _proven(other));
        vm.expectEmit(address(anchor));
        emit IGramAnchor.Convicted(SIZE, accused, other, rule);
        vm.prank(address(0xAAAA)); // anyone may
        anchor.convict(SIZE, one, two);
        _assertVerdict(accused, other, rule);
    }

    function _assertVerdict(uint64 accused, uint64 other, RulesLib.Rule rule) private view {
        (uint64 size, uint64 index, uint64 beside, RulesLib.Rule kept) = anchor.verdict();
        vm.assertEq(size, SIZE);
        vm.assertEq(index, accused);
        vm.assertEq(beside, other);
        vm.assertTrue(kept == rule);
        vm.assertTrue(anchor.broken());
    }

    function test_childrenOfOneParentOverlap() public {
        _convicts(2, 1, RulesLib.Rule.OVERLAP);
    }

    function test_issuesOverlap() public {
        _convicts(0, 3, RulesLib.Rule.ISSUE_OVERLAP);
    }

    function test_bundleTakesNumbersOfAnIssue() public {
        _convicts(11, 3, RulesLib.Rule.ISSUE_OVERLAP);
    }

    function test_bundlesOverlap() public {
        _convicts(11, 10, RulesLib.Rule.ISSUE_OVERLAP);
    }

    function test_runWithoutItsBundle() public {
        _convicts(12, 13, RulesLib.Rule.GATHERED);
    }

    function test_whatIsBehindARunWithoutItsBundle() public {
        _convicts(13, 12, RulesLib.Rule.GATHERED);
    }

    /// @dev Neighbours of one run are about each other; a leaf further away says nothing of it.
    function test_lawfulRunsAreRefused() public {
        _anchorUnlawfulLog();
        _refuseConviction(_proven(8), _proven(9), abi.encodeWithSelector(IGramAnchor.Lawful.selector, 8, 9));
        _refuseConviction(_proven(10), _proven(9), abi.encodeWithSelector(IGramAnchor.Lawful.selector, 10, 9));
        _refuseConviction(_proven(10), _proven(8), abi.encodeWithSelector(IGramAnchor.Unrelated.selector, 10, 8));
        _refuseConviction(_proven(12), _proven(10), abi.encodeWithSelector(IGramAnchor.Unrelated.selector, 12, 10));
    }

    function test_childAgainstItsParent() public {
        _convicts(4, 1, RulesLib.Rule.FROM_TAG);
    }

    function test_recordBesideAnyOther() public {
        _convicts(5, 1, RulesLib.Rule.RECORD);
    }

    function test_parentThatComesLater() public {
        _convicts(6, 0, RulesLib.Rule.ORDER);
    }

    function test_bytesThatAreNoLeaf() public {
        _convicts(7, 0, RulesLib.Rule.LEAF);
    }

    function test_bytesThatAreNoLeafAsTheOther() public {
        _convicts(1, 7, RulesLib.Rule.LEAF);
    }

    /// @dev Nothing is taken any more, another conviction neither; what was anchored is still there to be shown.
    function test_brokenForGood() public {
        _convicts(2, 1, RulesLib.Rule.OVERLAP);
        bytes memory broken = abi.encodeWithSelector(IGramAnchor.ContractBroken.selector);
        _refuse(Checkpoint(9, bytes32(uint256(1)), 200, 50), new bytes32[](0), broken);
        vm.expectRevert(broken);
        anchor.changeSigners(_addresses(_keys(CENTRE, EXCHANGE)), 1, block.timestamp, new bytes[](0));
        (IGramAnchor.Entry memory one, IGramAnchor.Entry memory two) = (_proven(0), _proven(3));
        vm.expectRevert(broken);
        anchor.convict(SIZE, one, two);
        _assertVerdict(2, 1, RulesLib.Rule.OVERLAP);
        vm.assertTrue(anchor.included(one.leaf, 0, SIZE, one.path));
        vm.assertEq(anchor.rootAt(SIZE), Tree.root(_hashes(), 0, SIZE));
    }

    function test_lawfulPairsAreRefused() public {
        _anchorUnlawfulLog();
        _refuseConviction(_proven(1), _proven(0), abi.encodeWithSelector(IGramAnchor.Lawful.selector, 1, 0));
    }

    /// @dev The parent is not accused of its child, nor a child of what a stranger did.
    function test_unrelatedPairsAreRefused() public {
        _anchorUnlawfulLog();
        _refuseConviction(_proven(1), _proven(4), abi.encodeWithSelector(IGramAnchor.Unrelated.selector, 1, 4));
        _refuseConviction(_proven(1), _proven(3), abi.encodeWithSelector(IGramAnchor.Unrelated.selector, 1, 3));
        _refuseConviction(_proven(4), _proven(0), abi.encodeWithSelector(IGramAnchor.Unrelated.selector, 4, 0));
    }

    function test_sameLeafTwiceIsRefused() public {
        _anchorUnlawfulLog();
        _refuseConviction(_proven(2), _proven(2), abi.encodeWithSelector(IGramAnchor.SameLeaf.selector, 2));
    }

    function testFuzz_unanchoredSizeIsRefused(uint64 size) public {
        _anchorUnlawfulLog();
        vm.assume(size != SIZE);
        (IGramAnchor.Entry memory one, IGramAnchor.Entry memory two) = (_proven(2), _proven(1));
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.NotAnchored.selector, size));
        anchor.convict(size, one, two);
        vm.assertFalse(anchor.broken());
    }

    function testFuzz_leafThatIsNotInTheLogIsRefused(bytes calldata leaf, uint64 index, bytes32[] calldata path)
        public
    {
        _anchorUnlawfulLog();
        bytes memory notSecond = abi.encodeWithSelector(IGramAnchor.NotIncluded.selector, SIZE, 2);
        bytes memory notFirst = abi.encodeWithSelector(IGramAnchor.NotIncluded.selector, SIZE, 1);
        (IGramAnchor.Entry memory one, IGramAnchor.Entry memory two) = (_proven(2), _proven(1));
        _refuseConviction(IGramAnchor.Entry(leaf, 2, one.path), two, notSecond);
        _refuseConviction(one, IGramAnchor.Entry(leaf, 1, two.path), notFirst);
        _refuseConviction(IGramAnchor.Entry(one.leaf, 2, path), two, notSecond);
        _refuseConviction(one, IGramAnchor.Entry(two.leaf, 1, path), notFirst);
        vm.assume(index != 1 && index != 2);
        bytes memory elsewhere = abi.encodeWithSelector(IGramAnchor.NotIncluded.selector, SIZE, index);
        _refuseConviction(IGramAnchor.Entry(one.leaf, index, one.path), two, elsewhere);
        _refuseConviction(one, IGramAnchor.Entry(two.leaf, index, two.path), elsewhere);
    }

    /// @dev A leaf proven at its place cannot be claimed at another one, as its own sibling for example.
    function testFuzz_oneBitOfAProofIsRefused(uint16 bit) public {
        _anchorUnlawfulLog();
        (IGramAnchor.Entry memory one, IGramAnchor.Entry memory two) = (_proven(2), _proven(1));
        one.path[(bit / 256) % one.path.length] ^= bytes32(uint256(1) << (bit % 256));
        _refuseConviction(one, two, abi.encodeWithSelector(IGramAnchor.NotIncluded.selector, SIZE, 2));
    }

    /// @dev Whatever 114 bytes the two leaves hold, the answer comes: a verdict with a rule, or one of two refusals.
    function testFuzz_anyTwoLeavesGetAnAnswer(bytes32[4] calldata one, bytes32[4] calldata two, uint32 codes) public {
        leaves.push(_shaped(one, uint8(codes) % 16, uint8(codes >> 16) % 3));
        leaves.push(_shaped(two, uint8(codes >> 8) % 16, uint8(codes >> 24) % 3));
        _anchor(Checkpoint(2, Tree.root(_hashes(), 0, 2), 0, 0), new bytes32[](0));
        try anchor.convict(2, _proven(1), _proven(0)) {
            (,,, RulesLib.Rule rule) = anchor.verdict();
            vm.assertTrue(anchor.broken() && rule != RulesLib.Rule.NONE);
        } catch (bytes memory refusal) {
            bool isLawful = bytes4(refusal) == IGramAnchor.Lawful.selector;
            vm.assertTrue(isLawful || bytes4(refusal) == IGramAnchor.Unrelated.selector);
            vm.assertFalse(anchor.broken());
        }
    }

    /// @dev Random bytes with codes that are not all unlisted, and a parent that may be the other leaf.
    function _shaped(bytes32[4] calldata words, uint8 kind, uint8 form) private pure returns (bytes memory leaf) {
        bytes memory random = abi.encodePacked(words);
        leaf = new bytes(114);
        for (uint256 i = 0; i < 114; ++i) {
            leaf[i] = i < 22 || i >= 30 ? random[i] : bytes1(random[127] & 0x01 == 0 ? 0x00 : 0xff);
        }
        (leaf[0], leaf[1], leaf[2]) = (0x01, bytes1(kind), bytes1(form));
    }

    function _refuseConviction(IGramAnchor.Entry memory one, IGramAnchor.Entry memory two, bytes memory refusal)
        private
    {
        vm.expectRevert(refusal);
        anchor.convict(SIZE, one, two);
        vm.assertFalse(anchor.broken());
    }
}
