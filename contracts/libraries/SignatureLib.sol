// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title SignatureLib
/// @notice Who signed a digest, by ECDSA on secp256k1.
library SignatureLib {
    /// @dev Half the group's order. Of the two values of s that make a valid signature only the low one is taken (EIP-2),
    /// so that nobody can turn one signature into another.
    uint256 internal constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @notice The signer of `digest`, or zero when `signature` is not 65 bytes r, s, v with a low s and a v of 27 or 28.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length != 65) return address(0);
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > MAX_S) return address(0);
        return ecrecover(digest, uint8(signature[64]), r, s); // zero for any v but 27 and 28, and for no point of the curve
    }
}
