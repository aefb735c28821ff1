// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorTest} from "./AnchorTest.sol";
import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

contract ChangeSignersTests is AnchorTest {
    uint256 private constant SUCCESSOR = 0x5C;
    uint256 private constant DEADLINE = 2_000_000_000;

    function _changeDigest(address[] memory signers, uint256 threshold, uint256 epoch)
        private
        view
        returns (bytes32)
    {
        return _changeDigest(signers, threshold, epoch, DEADLINE);
    }

    function _changeDigest(address[] memory signers, uint256 threshold, uint256 epoch, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256("Signers(address[] signers,uint256 threshold,uint256 epoch,uint256 deadline)");
        bytes32 list = keccak256(abi.encodePacked(signers));
        return _typed(keccak256(abi.encode(kind, list, threshold, epoch, deadline)));
    }

    function _change(uint256[] memory to, uint256 threshold, uint256[] memory by) private {
        address[] memory accounts = _addresses(to);
        bytes[] memory signatures = _sign(by, _changeDigest(accounts, threshold, anchor.signersEpoch()));
        anchor.changeSigners(accounts, threshold, DEADLINE, signatures);
    }

    function _refuseChange(address[] memory signers, uint256 threshold, bytes memory refusal) private {
        bytes[] memory signatures =
            _sign(_keys(CENTRE, BUREAU), _changeDigest(signers, threshold, anchor.signersEpoch()));
        vm.expectRevert(refusal);
        anchor.changeSigners(signers, threshold, DEADLINE, signatures);
    }

    function test_constructorSetsSigners() public view {
        vm.assertEq(anchor.signers().length, 3);
        vm.assertEq(anchor.signers()[1], vm.addr(EXCHANGE));
        vm.assertTrue(anchor.isSigner(vm.addr(BUREAU)));
        vm.assertFalse(anchor.isSigner(vm.addr(STRANGER)));
        vm.assertFalse(anchor.isSigner(address(0)));
        vm.assertEq(anchor.threshold(), 2);
        vm.assertEq(anchor.signersEpoch(), 0);
    }

    function test_newSignersSignAndOldOnesDoNot() public {
        _anchorLog(3);
        address[] memory accounts = _addresses(_keys(SUCCESSOR, CENTRE));
        bytes[] memory signatures = _sign(_keys(EXCHANGE, BUREAU), _changeDigest(accounts, 1, 0));
        vm.expectEmit(address(anchor));
        emit IGramAnchor.SignersChanged(1, accounts, 1);
        anchor.changeSigners(accounts, 1, DEADLINE, signatures);

        vm.assertEq(anchor.signers().length, 2);
        vm.assertEq(anchor.signersEpoch(), 1);
        vm.assertEq(anchor.threshold(), 1);
        vm.assertEq(anchor.size(), 3); // the checkpoint beside them in the slot is as it was
        vm.assertEq(anchor.frontier(), 30);
        vm.assertEq(anchor.ended(), 12);

        Checkpoint memory c = _checkpoint(4);
        bytes[] memory one = new bytes[](1);
        one[0] = _sign(EXCHANGE, _digest(c));
        _refuse(
            c, Tree.proof(3, 4), one, abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, vm.addr(EXCHANGE))
        );
        one[0] = _sign(SUCCESSOR, _digest(c));
        _anchor(c, Tree.proof(3, 4), one);
        vm.assertEq(anchor.size(), 4);
    }

    function test_changeNeedsTheThreshold() public {
        address[] memory accounts = _addresses(_keys(SUCCESSOR, CENTRE));
        bytes[] memory one = new bytes[](1);
        one[0] = _sign(CENTRE, _changeDigest(accounts, 1, 0));
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.TooFewSignatures.selector, 1, 2));
        anchor.changeSigners(accounts, 1, DEADLINE, one);
    }

    function test_changeCannotBeReplayed() public {
        uint256[] memory three = _keys(CENTRE, EXCHANGE, BUREAU);
        address[] memory first = _addresses(_keys(CENTRE, BUREAU));
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _changeDigest(first, 2, 0));
        anchor.changeSigners(first, 2, DEADLINE, signatures);
        _change(three, 2, _keys(CENTRE, BUREAU));
        address recovered = _recover(_changeDigest(first, 2, 2), signatures[0]);
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, recovered));
        anchor.changeSigners(first, 2, DEADLINE, signatures);
        vm.assertEq(anchor.signers().length, 3);
    }

    function testFuzz_thresholdAndSignersAreSigned(uint8 count, uint8 threshold) public {
        address[] memory accounts = _many(_bound(count, 1, 16));
        uint256 needed = _bound(threshold, 1, accounts.length);
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _changeDigest(accounts, needed, 0));
        address recovered = _recover(_changeDigest(accounts, needed + 1, 0), signatures[0]);
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, recovered));
        anchor.changeSigners(accounts, needed + 1, DEADLINE, signatures);
        anchor.changeSigners(accounts, needed, DEADLINE, signatures);
        vm.assertEq(anchor.signers().length, accounts.length);
        vm.assertEq(anchor.threshold(), needed);
        vm.assertTrue(anchor.isSigner(accounts[accounts.length - 1]));
        vm.assertFalse(anchor.isSigner(vm.addr(CENTRE)));
    }

    function test_changeHasADeadline() public {
        address[] memory accounts = _addresses(_keys(SUCCESSOR, CENTRE));
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _changeDigest(accounts, 1, 0));
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.DeadlinePassed.selector, DEADLINE));
        anchor.changeSigners(accounts, 1, DEADLINE, signatures);
        address recovered = _recover(_changeDigest(accounts, 1, 0, DEADLINE + 1), signatures[0]);
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, recovered));
        anchor.changeSigners(accounts, 1, DEADLINE + 1, signatures); // a later one was not signed
        vm.warp(DEADLINE);
        anchor.changeSigners(accounts, 1, DEADLINE, signatures);
        vm.assertEq(anchor.signersEpoch(), 1);
    }

    function test_badSignersAreRefused() public {
        address[] memory two = _addresses(_keys(CENTRE, BUREAU));
        _refuseChange(two, 0, abi.encodeWithSelector(IGramAnchor.BadThreshold.selector, 0, 2));
        _refuseChange(two, 3, abi.encodeWithSelector(IGramAnchor.BadThreshold.selector, 3, 2));
        // 2^256 - 254 would be 2 in the eight bits that are stored
        _refuseChange(
            two,
            type(uint256).max - 253,
            abi.encodeWithSelector(IGramAnchor.BadThreshold.selector, type(uint256).max - 253, 2)
        );
        _refuseChange(new address[](0), 0, abi.encodeWithSelector(IGramAnchor.BadThreshold.selector, 0, 0));
        _refuseChange(_many(17), 2, abi.encodeWithSelector(IGramAnchor.TooManySigners.selector, 17));
        two[1] = two[0];
        _refuseChange(two, 1, abi.encodeWithSelector(IGramAnchor.RepeatedSigner.selector, two[0]));
        two[1] = address(0);
        _refuseChange(two, 1, abi.encodeWithSelector(IGramAnchor.ZeroSigner.selector));
        vm.assertEq(anchor.signersEpoch(), 0);
    }

    function test_constructorRefusesBadSigners() public {
        address[] memory two = _addresses(_keys(CENTRE, CENTRE));
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.RepeatedSigner.selector, two[0]));
        _deploy(two, 1);
        vm.expectRevert(abi.encodeWithSelector(IGramAnchor.BadThreshold.selector, 0, 2));
        _deploy(two, 0);
    }

    function _recover(bytes32 digest, bytes memory signature) private pure returns (address) {
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return ecrecover(digest, uint8(signature[64]), r, s);
    }

    function _many(uint256 count) private pure returns (address[] memory accounts) {
        accounts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            accounts[i] = address(uint160(i + 1));
        }
    }
}
