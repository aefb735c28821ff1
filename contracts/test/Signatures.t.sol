// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorTest} from "./AnchorTest.sol";
import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {vm} from "./Vm.sol";

/// @notice The check of signatures, which `anchor` and `changeSigners` share, seen through `anchor`.
contract SignaturesTests is AnchorTest {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    bytes32[] private none;

    function test_anyOrderAndMoreThanNeeded() public {
        Checkpoint memory c = _checkpoint(1);
        _anchor(c, none, _sign(_keys(BUREAU, CENTRE, EXCHANGE), _digest(c)));
        vm.assertEq(anchor.size(), 1);
    }

    function test_tooFew() public {
        Checkpoint memory c = _checkpoint(1);
        bytes[] memory one = new bytes[](1);
        one[0] = _sign(CENTRE, _digest(c));
        _refuse(c, none, one, abi.encodeWithSelector(IGramAnchor.TooFewSignatures.selector, 1, 2));
        _refuse(c, none, new bytes[](0), abi.encodeWithSelector(IGramAnchor.TooFewSignatures.selector, 0, 2));
    }

    function test_repeatedSigner() public {
        Checkpoint memory c = _checkpoint(1);
        bytes memory refusal = abi.encodeWithSelector(IGramAnchor.RepeatedSigner.selector, vm.addr(CENTRE));
        _refuse(c, none, _sign(_keys(CENTRE, CENTRE), _digest(c)), refusal);
        _refuse(c, none, _sign(_keys(CENTRE, BUREAU, CENTRE), _digest(c)), refusal);
    }

    function test_unknownSigner() public {
        Checkpoint memory c = _checkpoint(1);
        bytes memory refusal = abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, vm.addr(STRANGER));
        _refuse(c, none, _sign(_keys(CENTRE, STRANGER), _digest(c)), refusal);
        // one that is too many must be good all the same
        _refuse(c, none, _sign(_keys(CENTRE, BUREAU, STRANGER), _digest(c)), refusal);
    }

    /// @dev What another checkpoint's signature recovers is somebody unknown.
    function testFuzz_everyFieldIsSigned(uint64 size, bytes32 root, uint64 frontier, uint64 ended) public {
        Checkpoint memory c = _checkpoint(3);
        Checkpoint memory other = Checkpoint(size, root, frontier, ended);
        bytes32 digest = _digest(other);
        vm.assume(digest != _digest(c));
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), digest);
        address recovered =
            ecrecover(_digest(c), uint8(signatures[0][64]), _word(signatures[0], 0), _word(signatures[0], 32));
        _refuse(c, none, signatures, abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, recovered));
    }

    function test_anotherChainIsAnotherDomain() public {
        Checkpoint memory c = _checkpoint(3);
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _digest(c));
        vm.chainId(block.chainid + 1);
        bytes32 digest = _digest(c);
        address recovered =
            ecrecover(digest, uint8(signatures[0][64]), _word(signatures[0], 0), _word(signatures[0], 32));
        _refuse(c, none, signatures, abi.encodeWithSelector(IGramAnchor.UnknownSigner.selector, recovered));
    }

    function test_highSIsMalformed() public {
        Checkpoint memory c = _checkpoint(1);
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _digest(c));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUREAU, _digest(c));
        bytes32 high = bytes32(ORDER - uint256(s));
        vm.assertEq(ecrecover(_digest(c), 55 - v, r, high), vm.addr(BUREAU)); // the curve itself would take it
        signatures[1] = abi.encodePacked(r, high, 55 - v);
        _refuse(c, none, signatures, abi.encodeWithSelector(IGramAnchor.MalformedSignature.selector, 1));
    }

    function testFuzz_onlyV27And28(uint8 v) public {
        vm.assume(v != 27 && v != 28);
        Checkpoint memory c = _checkpoint(1);
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _digest(c));
        signatures[0][64] = bytes1(v);
        _refuse(c, none, signatures, abi.encodeWithSelector(IGramAnchor.MalformedSignature.selector, 0));
    }

    function testFuzz_only65Bytes(uint8 length) public {
        vm.assume(length != 65);
        Checkpoint memory c = _checkpoint(1);
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _digest(c));
        signatures[1] = new bytes(length);
        _refuse(c, none, signatures, abi.encodeWithSelector(IGramAnchor.MalformedSignature.selector, 1));
    }

    function _word(bytes memory data, uint256 start) private pure returns (bytes32 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word |= bytes32(data[start + i]) >> (8 * i);
        }
    }
}
