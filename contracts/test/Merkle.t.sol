// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleLib} from "../libraries/MerkleLib.sol";
import {Tree} from "./Tree.sol";
import {vm} from "./Vm.sol";

contract MerkleTests {
    uint64 private constant MAX = type(uint64).max;

    // The library takes proofs from calldata; these calls put them there.

    function leafHash(bytes calldata leaf) external pure returns (bytes32) {
        return MerkleLib.leafHash(leaf);
    }

    function isIncluded(uint64 index, uint64 size, bytes32 hash, bytes32[] calldata path, bytes32 root)
        external
        view
        returns (bool)
    {
        return MerkleLib.isIncluded(index, size, hash, path, root);
    }

    function isConsistent(uint64 size1, uint64 size2, bytes32 root1, bytes32 root2, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return MerkleLib.isConsistent(size1, size2, root1, root2, proof);
    }

    /// @dev The gas of a proof that holds, measured where the test's own memory does not count.
    function cost(uint64 size1, uint64 size2, bytes32 root1, bytes32 root2, bytes32[] calldata proof)
        external
        view
        returns (uint256 used)
    {
        used = gasleft();
        require(MerkleLib.isConsistent(size1, size2, root1, root2, proof));
        used -= gasleft();
    }

    function testFuzz_hashesAsSpecified(bytes calldata leaf, bytes32 left, bytes32 right) public view {
        vm.assertEq(this.leafHash(leaf), sha256(bytes.concat(hex"00", leaf)));
        vm.assertEq(MerkleLib.nodeHash(left, right), sha256(bytes.concat(hex"01", left, right)));
    }

    /// @dev What the assembly borrows it gives back: memory allocated before and after it is sound.
    function testFuzz_memoryIsKept(bytes32 left, bytes32 right) public view {
        bytes memory before = abi.encode(left, right);
        MerkleLib.nodeHash(left, right);
        bytes memory later = abi.encode(right, left);
        vm.assertEq(keccak256(before), keccak256(abi.encode(left, right)));
        vm.assertEq(keccak256(later), keccak256(abi.encode(right, left)));
        vm.assertEq(new bytes(0).length, 0);
    }

    function test_everySmallTree() public view {
        for (uint64 size2 = 1; size2 <= 20; ++size2) {
            bytes32[] memory hashes = Tree.leaves(size2);
            bytes32 root = Tree.root(size2);
            for (uint64 i = 0; i < size2; ++i) {
                vm.assertTrue(this.isIncluded(i, size2, hashes[i], Tree.path(i, size2), root));
            }
            for (uint64 size1 = 1; size1 < size2; ++size1) {
                bytes32[] memory proof = Tree.proof(size1, size2);
                vm.assertTrue(this.isConsistent(size1, size2, Tree.root(size1), root, proof));
                vm.assertFalse(this.isConsistent(size1, size2, root, root, proof));
                vm.assertFalse(this.isConsistent(size1, size2, Tree.root(size1), Tree.root(size1), proof));
            }
        }
    }

    function testFuzz_oneBitMakesItFalse(uint8 first, uint8 second, uint16 bit) public view {
        uint64 size1 = 1 + uint64(first) % 60;
        uint64 size2 = size1 + 1 + uint64(second) % 60;
        bytes32[] memory proof = Tree.proof(size1, size2);
        proof[(bit / 256) % proof.length] ^= bytes32(uint256(1) << (bit % 256));
        vm.assertFalse(this.isConsistent(size1, size2, Tree.root(size1), Tree.root(size2), proof));
    }

    /// @dev Growth by the last leaf to a power of two costs more than any other growth up to there, in call data and in
    /// hashes, so it is what `tests/contracts/test_gas.py` measures.
    function test_worstGrowth() public view {
        bytes32[] memory worst = Tree.proof(31, 32);
        uint256 most = this.cost(31, 32, Tree.root(31), Tree.root(32), worst);
        for (uint64 size2 = 2; size2 <= 32; ++size2) {
            for (uint64 size1 = 1; size1 < size2; ++size1) {
                bytes32[] memory proof = Tree.proof(size1, size2);
                vm.assertTrue(proof.length <= worst.length);
                vm.assertTrue(this.cost(size1, size2, Tree.root(size1), Tree.root(size2), proof) <= most);
            }
        }
    }

    /// @dev Whatever the sizes and however long the proof, the answer comes, within the gas of 64 levels.
    function testFuzz_hostileProofsEnd(uint64 size1, uint64 size2, bytes32 root1, bytes32 root2, bytes32[] calldata p)
        public
        view
    {
        uint256 gasBefore = gasleft();
        vm.assertFalse(this.isConsistent(size1, size2, root1, root2, p));
        vm.assertFalse(this.isIncluded(size1, size2, root1, p, root2));
        require(gasBefore - gasleft() < 200_000, "a hostile proof costs too much");
    }

    function test_largestTrees() public view {
        bytes32[] memory none = new bytes32[](0);
        vm.assertFalse(this.isConsistent(MAX - 1, MAX, bytes32(uint256(1)), bytes32(uint256(1)), none));
        vm.assertFalse(this.isConsistent(MAX, MAX, 0, 0, none));
        vm.assertFalse(this.isIncluded(MAX, MAX, 0, none, 0));
        vm.assertFalse(this.isIncluded(MAX - 1, MAX, 0, none, 0));
    }
}

/// @notice The golden vectors, the same file that Python and JavaScript are held to.
contract MerkleVectorsTests {
    struct Inclusion {
        uint64 index;
        uint64 size;
        bytes32 leaf_hash; // as in the file
        bytes32 root;
        bytes32[] path;
    }

    struct Consistency {
        uint64 size1;
        uint64 size2;
        bytes32 root1;
        bytes32 root2;
        bytes32[] proof;
    }

    string private constant INCLUSION =
        "Inclusion(uint64 index,uint64 size,bytes32 leaf_hash,bytes32 root,bytes32[] path)";
    string private constant CONSISTENCY =
        "Consistency(uint64 size1,uint64 size2,bytes32 root1,bytes32 root2,bytes32[] proof)";

    string private json;
    MerkleTests private merkle;

    function setUp() public {
        json = vm.readFile("../tests/vectors/merkle.json");
        merkle = new MerkleTests();
    }

    function test_inclusion() public view {
        _checkInclusion("$.inclusion", true);
        _checkInclusion("$.bad_inclusion", false);
    }

    /// @dev Python's check takes equal sizes with nothing to prove too; this one is asked about growth only.
    function test_consistency() public view {
        _checkConsistency("$.consistency", true);
        _checkConsistency("$.bad_consistency", false);
    }

    function _checkInclusion(string memory list, bool expected) private view {
        Inclusion[] memory cases = abi.decode(vm.parseJsonTypeArray(json, list, INCLUSION), (Inclusion[]));
        vm.assertTrue(cases.length > 100);
        for (uint256 i = 0; i < cases.length; ++i) {
            Inclusion memory c = cases[i];
            bool found = merkle.isIncluded(c.index, c.size, c.leaf_hash, c.path, c.root);
            vm.assertTrue(found == expected, string.concat(list, " ", vm.toString(i)));
        }
    }

    function _checkConsistency(string memory list, bool expected) private view {
        Consistency[] memory cases = abi.decode(vm.parseJsonTypeArray(json, list, CONSISTENCY), (Consistency[]));
        vm.assertTrue(cases.length > 100);
        for (uint256 i = 0; i < cases.length; ++i) {
            Consistency memory c = cases[i];
            bool found = merkle.isConsistent(c.size1, c.size2, c.root1, c.root2, c.proof);
            vm.assertTrue(found == (expected && c.size1 < c.size2), string.concat(list, " ", vm.toString(i)));
        }
    }
}
