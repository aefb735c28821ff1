// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RulesLib} from "../libraries/RulesLib.sol";

/// @title IGramAnchor
/// @notice Keeps the checkpoints of one append-only log of gram movements, and refuses any checkpoint that rewrites an
/// earlier one. Every gram of CO2e has one number on one number line; each step of its life is one leaf of the log.
/// @dev The log is a Merkle tree of RFC 9162 with SHA-256. A *checkpoint* is the tree's size and root, the *frontier*
/// (the first gram number never given yet, by an issue or a bundle) and the grams *ended*: cancelled, expired, voided, or
/// gathered into a bundle, where they go on under other numbers. Both count numbers, not consumption. The contract cannot
/// be upgraded and has no owner: what it accepted stays, whoever asks.
/// Invariants, by name:
/// - SIZE_GROWS: `size` never shrinks, and grows with every accepted checkpoint.
/// - ROOTS_STAY: once `rootAt(s)` is set it never changes, and `root()` is `rootAt(size())`.
/// - GRAMS_GROW: `frontier` and `ended` never shrink.
/// - ENDED_WITHIN: `ended` never passes `frontier`.
/// - SIGNED: nothing but a conviction changes anything without the signatures of `threshold` distinct signers.
/// - BROKEN_FOR_GOOD: once `broken()`, nothing changes any more; `verdict()` says why.
interface IGramAnchor {
    /// @notice A leaf of the log: its bytes before hashing, its number from 0, and its inclusion proof (RFC 9162,
    /// 2.1.3.1), sibling first.
    struct Entry {
        bytes leaf;
        uint64 index;
        bytes32[] path;
    }

    /// @notice A checkpoint was accepted; from this block on its root is kept for good. `previous` is the size anchored
    /// before it, 0 for the first: the events form a chain, and one that a node keeps back is missed.
    event Anchored(uint64 indexed size, bytes32 root, uint64 frontier, uint64 ended, uint64 previous);

    /// @notice The signers changed; `epoch` is the number of changes so far, 0 for the constructor's.
    event SignersChanged(uint256 indexed epoch, address[] signers, uint256 threshold);

    /// @notice Leaf `index` of the anchored tree of `size` leaves breaks `rule`, by itself or against leaf `other`; the
    /// contract is broken for good.
    event Convicted(uint64 indexed size, uint64 index, uint64 other, RulesLib.Rule indexed rule);

    /// @notice The contract was convicted of an unlawful movement and takes no further checkpoint.
    error ContractBroken();
    /// @notice The checkpoint's size must be larger than the last one's.
    error SizeNotGrown(uint64 last, uint64 given);
    /// @notice The log is longer than a checkpoint can be anchored for, see `MAX_SIZE`.
    error SizeTooLarge(uint64 given);
    /// @notice A root of zero would look like a size that was never anchored.
    error ZeroRoot();
    /// @notice The frontier must not be smaller than the last one: a gram number is never used again.
    error FrontierShrunk(uint64 last, uint64 given);
    /// @notice The ended grams must not be fewer than the last ones: an end is final.
    error EndedShrunk(uint64 last, uint64 given);
    /// @notice More grams ended than numbers were ever given.
    error EndedPassesFrontier(uint64 ended, uint64 frontier);
    /// @notice The consistency proof does not show the last checkpoint's tree to be a prefix of this one's.
    error Inconsistent(uint64 last, uint64 given);
    /// @notice No checkpoint of this size was anchored.
    error NotAnchored(uint64 size);
    /// @notice A conviction needs two leaves; this one was given twice.
    error SameLeaf(uint64 index);
    /// @notice The inclusion proof does not show this leaf at `index` of the tree of `size` leaves.
    error NotIncluded(uint64 size, uint64 index);
    /// @notice The first leaf is lawful by itself, and no rule is about these two: the other is not its parent, they
    /// have no parent in common, they do not both number grams (ISSUE, BUNDLE), and they are no neighbours of one run.
    error Unrelated(uint64 index, uint64 other);
    /// @notice The first leaf breaks no rule, by itself or against the other.
    error Lawful(uint64 index, uint64 other);
    /// @notice Fewer signatures than the threshold.
    error TooFewSignatures(uint256 given, uint256 needed);
    /// @notice The signature at `position` is not 65 bytes r, s, v with a low s and a v of 27 or 28, or recovers nobody.
    error MalformedSignature(uint256 position);
    /// @notice A signature by somebody who is no signer; also what a signature over other values looks like.
    error UnknownSigner(address signer);
    /// @notice One signer twice, among the signatures or in a list of signers.
    error RepeatedSigner(address signer);
    /// @notice The zero address cannot sign.
    error ZeroSigner();
    /// @notice More signers than `MAX_SIGNERS`.
    error TooManySigners(uint256 given);
    /// @notice The signatures were for a change no later than `deadline`, and the block is later.
    error DeadlinePassed(uint256 deadline);
    /// @notice The threshold must lie between 1 and the number of signers.
    error BadThreshold(uint256 threshold, uint256 signers);

    /// @notice Accept a checkpoint that `threshold` signers signed and that continues the last one. Anyone may call.
    /// @dev The signatures are over the EIP-712 type `Checkpoint(uint64 size,bytes32 root,uint64 frontier,uint64 ended)`
    /// in the domain "Gramledger", version "1", of this chain and contract. Checks are made in the order of the errors
    /// here: ContractBroken, SizeNotGrown, SizeTooLarge, ZeroRoot, FrontierShrunk, EndedShrunk, EndedPassesFrontier,
    /// TooFewSignatures, (MalformedSignature, UnknownSigner, RepeatedSigner), Inconsistent.
    /// @param size The number of leaves, larger than the last.
    /// @param root The root over them, not zero.
    /// @param frontier The first gram number not given yet, not smaller than the last.
    /// @param ended The grams that ended, not fewer than the last and not more than `frontier`.
    /// @param proof The consistency proof from the last size to this one (RFC 9162, 2.1.4.1); empty for the first.
    /// @param signatures At least `threshold`, each 65 bytes r, s, v, by distinct signers, in any order. All are checked.
    function anchor(
        uint64 size,
        bytes32 root,
        uint64 frontier,
        uint64 ended,
        bytes32[] calldata proof,
        bytes[] calldata signatures
    ) external;

    /// @notice Replace all signers and the threshold, by the signatures of `threshold` of the present ones.
    /// @dev The signatures are over the EIP-712 type
    /// `Signers(address[] signers,uint256 threshold,uint256 epoch,uint256 deadline)` in the domain of `anchor`, with the
    /// present `signersEpoch`, so that a change cannot be replayed, and a deadline, so that nobody can keep it for later.
    /// Checks are made in the order ContractBroken, DeadlinePassed, the signatures as in `anchor`, the new signers.
    /// @param signers The new signers, distinct, none zero, at most `MAX_SIGNERS`.
    /// @param threshold How many of them must sign from now on, at least 1.
    /// @param deadline The last time of a block that may have this change, in Unix seconds.
    /// @param signatures As in `anchor`.
    function changeSigners(
        address[] calldata signers,
        uint256 threshold,
        uint256 deadline,
        bytes[] calldata signatures
    ) external;

    /// @notice Convict the log of an unlawful movement. If `accused` breaks a rule, by itself or against `other`, the
    /// contract keeps both indices and the rule, and is broken for good. Anyone may call.
    /// @dev The rules are those of docs/design.md, section 2, in the order of RulesLib: one of the two is no leaf of 114
    /// bytes and version 1 (LEAF); what `accused` breaks by itself, `other` being any other leaf; what it breaks against
    /// `other`, when that is the parent it names; a gram that both take or number (OVERLAP, ISSUE_OVERLAP); a
    /// run of GATHERs and their BUNDLE that the two, as neighbours, break (GATHERED). A fault of `other` is found by giving
    /// the two in turn. Checks are made in the order ContractBroken, SameLeaf, NotAnchored,
    /// NotIncluded of `accused`, NotIncluded of `other`, Unrelated, Lawful.
    /// @param size An anchored size; both proofs are for its tree.
    /// @param accused The leaf that breaks a rule: the child, or one of two that overlap or are neighbours.
    /// @param other Its parent, or the other of two that overlap or are neighbours, or any other leaf.
    function convict(uint64 size, Entry calldata accused, Entry calldata other) external;

    /// @notice Verify that `leaf` is the log's leaf number `index` in the anchored tree of `size` leaves.
    /// @dev Reverts with NotAnchored when no checkpoint of `size` was anchored. Answers in a broken contract too.
    /// @param leaf The leaf's bytes, as they stand in the log, before hashing.
    /// @param index The leaf's number, from 0.
    /// @param size An anchored size.
    /// @param path The inclusion proof (RFC 9162, 2.1.3.1), sibling first.
    /// @return Whether the proof holds; false for one that does not, whatever is wrong with it.
    function included(bytes calldata leaf, uint64 index, uint64 size, bytes32[] calldata path)
        external
        view
        returns (bool);

    /// @notice The last checkpoint's number of leaves, 0 before the first.
    function size() external view returns (uint64);

    /// @notice The last checkpoint's root, zero before the first.
    function root() external view returns (bytes32);

    /// @notice The last checkpoint's frontier: no gram number from it on was given.
    function frontier() external view returns (uint64);

    /// @notice The last checkpoint's ended grams.
    function ended() external view returns (uint64);

    /// @notice The root anchored for a tree of `size` leaves, zero if none was.
    function rootAt(uint64 size) external view returns (bytes32);

    /// @notice Whether the contract was convicted of an unlawful movement. Only `convict` sets it, and nothing clears it.
    function broken() external view returns (bool);

    /// @notice What the contract was convicted of: leaf `index` breaks `rule`, by itself or against leaf `other`, in the
    /// anchored tree of `size` leaves. All zero while it is not broken.
    function verdict() external view returns (uint64 size, uint64 index, uint64 other, RulesLib.Rule rule);

    /// @notice Who may sign.
    function signers() external view returns (address[] memory);

    /// @notice Whether `account` may sign.
    function isSigner(address account) external view returns (bool);

    /// @notice How many of the signers must sign.
    function threshold() external view returns (uint256);

    /// @notice How often the signers changed; part of what is signed to change them.
    function signersEpoch() external view returns (uint256);

    /// @notice The largest size that can be anchored, 2^44 leaves: with two signatures, and whatever the proof, `anchor`
    /// then stays under 120,000 gas. At a thousand leaves a second, day and night, a log reaches it in 557 years.
    function MAX_SIZE() external view returns (uint64);

    /// @notice The most signers there can be, 16, so that a change of all of them fits any block.
    function MAX_SIGNERS() external view returns (uint256);

    /// @notice The EIP-712 domain separator, of the chain that executes the call.
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    /// @notice The EIP-712 domain (ERC-5267).
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}
