// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchoring} from "./AnchorTest.sol";
import {IGramAnchor} from "../interfaces/IGramAnchor.sol";
import {RulesLib} from "../libraries/RulesLib.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

/// @notice Calls the contract as an operator would, as a dishonest one would, and as a stranger would, and remembers what
/// was accepted.
contract Handler is Anchoring {
    uint64[] public sizes;
    mapping(uint64 size => bytes32) public roots;
    uint256 public forged;
    bool public shrunk;
    bytes32 public atConviction;
    uint256 public convictions;

    constructor() {
        _deploy();
    }

    function target() external view returns (IGramAnchor) {
        return anchor;
    }

    function count() external view returns (uint256) {
        return sizes.length;
    }

    /// @notice The log grows, and its grams with it.
    function grow(uint8 by, uint16 issued, uint16 ended) external {
        if (anchor.size() > 100 || anchor.broken()) return;
        uint64 size = anchor.size() + 1 + by % 16;
        uint64 frontier = anchor.frontier() + issued;
        uint64 free = frontier - anchor.ended();
        Checkpoint memory c =
            Checkpoint(size, Tree.root(size), frontier, anchor.ended() + uint64(_bound(ended, 0, free)));
        _anchor(c, Tree.proof(anchor.size(), size));
        sizes.push(size);
        roots[size] = c.root;
    }

    /// @notice Two signers sign whatever they like, about any tree or about a true one.
    function collude(uint64 size, bytes32 root, uint64 frontier, uint64 ended, bytes32[] calldata proof) external {
        _try(Checkpoint(size % 128, root, frontier, ended), proof);
        size = anchor.size() + 1 + size % 16;
        if (size < 128) {
            _try(Checkpoint(size, Tree.root(size), frontier % 4096, ended % 4096), Tree.proof(anchor.size(), size));
        }
    }

    function _try(Checkpoint memory c, bytes32[] memory proof) private {
        (uint64 size, uint64 frontier, uint64 ended) = (anchor.size(), anchor.frontier(), anchor.ended());
        bytes[] memory signatures = _sign(_keys(CENTRE, BUREAU), _digest(c));
        try anchor.anchor(c.size, c.root, c.frontier, c.ended, proof, signatures) {
            sizes.push(c.size);
            roots[c.size] = c.root;
        } catch {}
        shrunk = shrunk || anchor.size() < size || anchor.frontier() < frontier || anchor.ended() < ended;
    }

    /// @notice A true continuation, but only one signature of the two, or a stranger's beside it, or one twice.
    function forge(uint8 by, uint8 way) external {
        if (anchor.size() > 100) return;
        uint64 size = anchor.size() + 1 + by % 16;
        Checkpoint memory c = Checkpoint(size, Tree.root(size), anchor.frontier(), anchor.ended());
        uint256[] memory keys = way % 3 == 0 ? new uint256[](1) : _keys(CENTRE, way % 3 == 1 ? STRANGER : CENTRE);
        keys[0] = CENTRE;
        bytes[] memory signatures = _sign(keys, _digest(c));
        try anchor.anchor(c.size, c.root, c.frontier, c.ended, Tree.proof(anchor.size(), size), signatures) {
            ++forged;
        } catch {}
    }

    /// @notice Somebody accuses two leaves of an anchored log, by a true proof or by that of another leaf. The test log's
    /// leaves of eight bytes are no leaves by the rules, so the truth convicts; late, or little else would be tried.
    function accuse(uint8 one, uint8 two, bool truly) external {
        uint64 size = anchor.size();
        if (size == 0 || truly && size < 48) return;
        (uint64 first, uint64 second) = (one % size, two % size);
        uint64 grown = truly ? size : size + 1; // a proof in a tree that was not anchored
        try anchor.convict(size, _entry(first, size), _entry(second, grown)) {
            ++convictions;
            atConviction = state();
        } catch {}
    }

    /// @notice A digest of all that the contract keeps.
    function state() public view returns (bytes32) {
        (uint64 size, uint64 index, uint64 other, RulesLib.Rule rule) = anchor.verdict();
        bytes memory kept = abi.encode(anchor.size(), anchor.root(), anchor.frontier(), anchor.ended());
        return keccak256(abi.encode(kept, anchor.broken(), anchor.signersEpoch(), size, index, other, rule));
    }
}

/// @notice The invariants that IGramAnchor names.
contract InvariantsTests {
    Handler private handler;
    IGramAnchor private anchor;

    function setUp() public {
        handler = new Handler();
        anchor = handler.target();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev All of them after each call of one campaign; each by itself would make the same calls again.
    function invariant_all() public view {
        _sizeGrows();
        _rootsStay();
        vm.assertFalse(handler.shrunk(), "GRAMS_GROW");
        vm.assertTrue(anchor.ended() <= anchor.frontier(), "ENDED_WITHIN");
        vm.assertEq(handler.forged(), 0, "SIGNED");
        _brokenForGood();
    }

    function _sizeGrows() private view {
        uint64 last = 0;
        for (uint256 i = 0; i < handler.count(); ++i) {
            vm.assertTrue(handler.sizes(i) > last, "SIZE_GROWS");
            last = handler.sizes(i);
        }
        vm.assertEq(anchor.size(), last, "SIZE_GROWS");
    }

    function _rootsStay() private view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            uint64 size = handler.sizes(i);
            vm.assertEq(anchor.rootAt(size), handler.roots(size), "ROOTS_STAY");
        }
        vm.assertEq(anchor.root(), anchor.rootAt(anchor.size()), "ROOTS_STAY");
    }

    function _brokenForGood() private view {
        vm.assertTrue(anchor.broken() == (handler.convictions() > 0), "BROKEN_FOR_GOOD");
        if (anchor.broken()) vm.assertEq(handler.state(), handler.atConviction(), "BROKEN_FOR_GOOD");
        vm.assertTrue(handler.convictions() <= 1, "BROKEN_FOR_GOOD");
    }
}
