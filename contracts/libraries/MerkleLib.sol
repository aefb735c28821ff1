// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title MerkleLib
/// @notice Hashes and proofs of the Merkle tree of RFC 9162 with SHA-256.
/// @dev Both checks walk as the RFC's do, whose step numbers stand beside the code: `node` is its fn, `last` its sn. They
/// differ in form only: a node without a sibling rises before the next sibling is read instead of after the last one,
/// and the walk ends when `last` is 0, so that a proof is as long as the sizes demand or refused.
library MerkleLib {
    /// @notice SHA-256(0x00 || leaf) (RFC 9162, 2.1.1).
    function leafHash(bytes calldata leaf) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), leaf));
    }

    /// @notice SHA-256(0x01 || left || right) (RFC 9162, 2.1.1).
    /// @dev 65 bytes from 0x00 on, so the first byte of the free memory pointer is overwritten, and restored. The
    /// precompile can fail only for want of gas, and then there is none left for the next instruction either.
    function nodeHash(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(0x00, 0x01)
            mstore(0x01, left)
            mstore(0x21, right)
            pop(staticcall(gas(), 2, 0x00, 0x41, 0x00, 0x20))
            hash := mload(0x00)
            mstore(0x40, free)
        }
    }

    /// @notice Whether `hash` is leaf `index` of the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2).
    function isIncluded(uint64 index, uint64 size, bytes32 hash, bytes32[] calldata path, bytes32 root)
        internal
        view
        returns (bool)
    {
        if (index >= size) return false; // 1
        uint256 node = index; // 2
        uint256 last = size - 1;
        uint256 used = 0;
        for (; last > 0; (node, last) = (node >> 1, last >> 1)) {
            bool isRight = node & 1 == 1;
            if (!isRight && node == last) continue; // no sibling at this level
            if (used == path.length) return false;
            bytes32 sibling = path[used++];
            hash = isRight ? nodeHash(sibling, hash) : nodeHash(hash, sibling); // 4b, 4c
        }
        return used == path.length && hash == root; // 4a, 5
    }

    /// @notice Whether the tree (`size1`, `root1`) is a prefix of (`size2`, `root2`) (RFC 9162, 2.1.4.2); false unless
    /// 0 < size1 < size2, the sizes that the RFC defines a proof for.
    /// @dev In assembly, because a level of a deep tree costs two hashes here, and Solidity's calls and checks around
    /// them would cost as much again. Each tree's walk keeps 0x01, left and right in a buffer of its own, and its result
    /// in the place of the right one, where the next step most often wants it: the old tree's at 0x00 (see `nodeHash`),
    /// the new one's at `buffer`, memory that stays unallocated. At most 64 steps; a proof too short is read past its
    /// end, into calldata or zeros, and refused when the walk is over.
    function isConsistent(uint64 size1, uint64 size2, bytes32 root1, bytes32 root2, bytes32[] calldata proof)
        internal
        view
        returns (bool consistent)
    {
        if (size1 == 0 || size1 >= size2) return false;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            let left := add(buffer, 0x01)
            let right := add(buffer, 0x21)
            mstore8(0x00, 0x01)
            mstore8(buffer, 0x01)

            let node := sub(size1, 1) // 3
            let last := sub(size2, 1)
            let next := proof.offset
            let start := root1 // 2: a perfect first tree is itself a node of the second
            if and(size1, node) {
                start := calldataload(next)
                next := add(next, 0x20)
            }
            mstore(0x21, start) // 5
            mstore(right, start)
            // 4
            for {} and(node, 1) {} {
                node := shr(1, node)
                last := shr(1, last)
            }

            for {} last {} {
                // 6b: siblings on the left are in both trees
                for {} and(node, 1) {} {
                    let sibling := calldataload(next)
                    mstore(0x01, sibling)
                    mstore(left, sibling)
                    pop(staticcall(gas(), 2, 0x00, 0x41, 0x21, 0x20))
                    pop(staticcall(gas(), 2, buffer, 0x41, right, 0x20))
                    next := add(next, 0x20)
                    node := shr(1, node)
                    last := shr(1, last)
                }
                // 6c: a sibling on the right is in the new tree only; there is none on its edge
                if sub(last, node) {
                    mstore(left, mload(right))
                    mstore(right, calldataload(next))
                    pop(staticcall(gas(), 2, buffer, 0x41, right, 0x20))
                    next := add(next, 0x20)
                }
                node := shr(1, node) // 6d
                last := shr(1, last)
            }
            // 1, 6a, 7
            consistent := eq(next, add(proof.offset, shl(5, proof.length)))
            consistent := and(consistent, and(eq(mload(0x21), root1), eq(mload(right), root2)))
            mstore(0x40, buffer)
        }
    }
}
