// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The Merkle tree by its definitions in RFC 9162, 2.1, slow and plain: the oracle for MerkleLib.
library Tree {
    /// @notice Leaf hashes of a log whose leaf `i` is the eight bytes of `i`; a longer log continues a shorter one.
    function leaves(uint256 size) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            hashes[i] = sha256(abi.encodePacked(bytes1(0x00), leaf(i)));
        }
    }

    function leaf(uint256 index) internal pure returns (bytes memory) {
        return abi.encodePacked(uint64(index));
    }

    /// @notice MTH over the leaves from `start` to `end`, not none (2.1.1).
    function root(bytes32[] memory hashes, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end - start == 1) return hashes[start];
        uint256 middle = start + _split(end - start);
        return sha256(abi.encodePacked(bytes1(0x01), root(hashes, start, middle), root(hashes, middle, end)));
    }

    function root(uint256 size) internal pure returns (bytes32) {
        return root(leaves(size), 0, size);
    }

    /// @notice PATH(index, D[size]) (2.1.3.1).
    function path(uint256 index, uint256 size) internal pure returns (bytes32[] memory) {
        return _path(leaves(size), index, 0, size);
    }

    function path(bytes32[] memory hashes, uint256 index) internal pure returns (bytes32[] memory) {
        return _path(hashes, index, 0, hashes.length);
    }

    /// @notice PROOF(size1, D[size2]) (2.1.4.1); none from the empty tree.
    function proof(uint256 size1, uint256 size2) internal pure returns (bytes32[] memory) {
        if (size1 == 0) return new bytes32[](0);
        return _subproof(leaves(size2), size1, 0, size2, true);
    }

    function _path(bytes32[] memory hashes, uint256 index, uint256 start, uint256 end)
        private
        pure
        returns (bytes32[] memory)
    {
        if (end - start == 1) return new bytes32[](0);
        uint256 middle = start + _split(end - start);
        if (index < middle) return _append(_path(hashes, index, start, middle), root(hashes, middle, end));
        return _append(_path(hashes, index, middle, end), root(hashes, start, middle));
    }

    function _subproof(bytes32[] memory hashes, uint256 size1, uint256 start, uint256 end, bool whole)
        private
        pure
        returns (bytes32[] memory)
    {
        if (size1 == end) {
            return whole ? new bytes32[](0) : _append(new bytes32[](0), root(hashes, start, end));
        }
        uint256 middle = start + _split(end - start);
        if (size1 <= middle) {
            return _append(_subproof(hashes, size1, start, middle, whole), root(hashes, middle, end));
        }
        return _append(_subproof(hashes, size1, middle, end, false), root(hashes, start, middle));
    }

    function _append(bytes32[] memory list, bytes32 item) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }

    /// @dev The largest power of two smaller than `size`.
    function _split(uint256 size) private pure returns (uint256 split) {
        split = 1;
        while (split * 2 < size) split *= 2;
    }
}
