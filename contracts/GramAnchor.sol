// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGramAnchor} from "./interfaces/IGramAnchor.sol";
import {MerkleLib} from "./libraries/MerkleLib.sol";
import {RulesLib} from "./libraries/RulesLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title GramAnchor
/// @notice See `IGramAnchor`.
contract GramAnchor is IGramAnchor {
    /// @inheritdoc IGramAnchor
    uint64 public constant MAX_SIZE = 2 ** 44;
    /// @inheritdoc IGramAnchor
    uint256 public constant MAX_SIGNERS = 16;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant CHECKPOINT_TYPE =
        keccak256("Checkpoint(uint64 size,bytes32 root,uint64 frontier,uint64 ended)");
    bytes32 private constant SIGNERS_TYPE =
        keccak256("Signers(address[] signers,uint256 threshold,uint256 epoch,uint256 deadline)");
    string private constant NAME = "Gramledger";
    string private constant VERSION = "1";

    /// @dev All that `anchor` reads and writes beside the roots, in one slot: 64 + 64 + 64 + 8 + 8 + 48 bits.
    struct State {
        uint64 size;
        uint64 frontier;
        uint64 ended;
        bool broken;
        uint8 threshold;
        uint48 signersEpoch;
    }

    /// @dev As `verdict` gives it, in one slot.
    struct Verdict {
        uint64 size;
        uint64 index;
        uint64 other;
        RulesLib.Rule rule;
    }

    State private _state;
    address[] private _signers;
    /// @dev A signer's place in `_signers`, from 1; 0 for everybody else.
    mapping(address signer => uint256 place) private _place;
    /// @inheritdoc IGramAnchor
    mapping(uint64 size => bytes32 root) public rootAt;
    /// @inheritdoc IGramAnchor
    Verdict public verdict;

    constructor(address[] memory signers_, uint256 threshold_) {
        _setSigners(signers_, threshold_, 0);
    }

    /// @inheritdoc IGramAnchor
    function anchor(
        uint64 size,
        bytes32 root,
        uint64 frontier,
        uint64 ended,
        bytes32[] calldata proof,
        bytes[] calldata signatures
    ) external {
        State memory last = _state;
        if (last.broken) revert ContractBroken();
        if (size <= last.size) revert SizeNotGrown(last.size, size);
        if (size > MAX_SIZE) revert SizeTooLarge(size);
        if (root == 0) revert ZeroRoot();
        if (frontier < last.frontier) revert FrontierShrunk(last.frontier, frontier);
        if (ended < last.ended) revert EndedShrunk(last.ended, ended);
        if (ended > frontier) revert EndedPassesFrontier(ended, frontier);
        _checkSignatures(
            keccak256(abi.encode(CHECKPOINT_TYPE, size, root, frontier, ended)), signatures, last.threshold
        );
        if (!_continues(last.size, size, root, proof)) revert Inconsistent(last.size, size);

        emit Anchored(size, root, frontier, ended, _state.size); // from storage: 1,000 gas less than from memory
        _state = State(size, frontier, ended, last.broken, last.threshold, last.signersEpoch);
        rootAt[size] = root;
    }

    /// @inheritdoc IGramAnchor
    function changeSigners(
        address[] calldata signers,
        uint256 threshold,
        uint256 deadline,
        bytes[] calldata signatures
    ) external {
        if (_state.broken) revert ContractBroken();
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        uint48 epoch = _state.signersEpoch;
        bytes32 list = keccak256(abi.encodePacked(signers));
        bytes32 change = keccak256(abi.encode(SIGNERS_TYPE, list, threshold, epoch, deadline));
        _checkSignatures(change, signatures, _state.threshold);

        address[] memory earlier = _signers;
        for (uint256 i = 0; i < earlier.length; ++i) {
            delete _place[earlier[i]];
        }
        _setSigners(signers, threshold, epoch + 1);
    }

    /// @inheritdoc IGramAnchor
    function convict(uint64 size, Entry calldata accused, Entry calldata other) external {
        if (_state.broken) revert ContractBroken();
        if (accused.index == other.index) revert SameLeaf(accused.index);
        if (!included(accused.leaf, accused.index, size, accused.path)) revert NotIncluded(size, accused.index);
        if (!included(other.leaf, other.index, size, other.path)) revert NotIncluded(size, other.index);
        RulesLib.Rule rule = _brokenRule(accused, other);

        _state.broken = true;
        verdict = Verdict(size, accused.index, other.index, rule);
        emit Convicted(size, accused.index, other.index, rule);
    }

    /// @inheritdoc IGramAnchor
    function included(bytes calldata leaf, uint64 index, uint64 size, bytes32[] calldata path)
        public
        view
        returns (bool)
    {
        bytes32 anchored = rootAt[size];
        if (anchored == 0) revert NotAnchored(size);
        return MerkleLib.isIncluded(index, size, MerkleLib.leafHash(leaf), path, anchored);
    }

    /// @inheritdoc IGramAnchor
    function size() external view returns (uint64) {
        return _state.size;
    }

    /// @inheritdoc IGramAnchor
    function root() external view returns (bytes32) {
        return rootAt[_state.size];
    }

    /// @inheritdoc IGramAnchor
    function frontier() external view returns (uint64) {
        return _state.frontier;
    }

    /// @inheritdoc IGramAnchor
    function ended() external view returns (uint64) {
        return _state.ended;
    }

    /// @inheritdoc IGramAnchor
    function broken() external view returns (bool) {
        return _state.broken;
    }

    /// @inheritdoc IGramAnchor
    function signers() external view returns (address[] memory) {
        return _signers;
    }

    /// @inheritdoc IGramAnchor
    function isSigner(address account) external view returns (bool) {
        return _place[account] != 0;
    }

    /// @inheritdoc IGramAnchor
    function threshold() external view returns (uint256) {
        return _state.threshold;
    }

    /// @inheritdoc IGramAnchor
    function signersEpoch() external view returns (uint256) {
        return _state.signersEpoch;
    }

    /// @inheritdoc IGramAnchor
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256(bytes(NAME)), keccak256(bytes(VERSION)), block.chainid, address(this))
        );
    }

    /// @inheritdoc IGramAnchor
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
        )
    {
        return (0x0f, NAME, VERSION, block.chainid, address(this), 0, new uint256[](0)); // name to verifyingContract
    }

    /// @dev The rule that `accused` breaks; reverts when it breaks none.
    function _brokenRule(Entry calldata accused, Entry calldata other) private pure returns (RulesLib.Rule rule) {
        if (!RulesLib.isLeaf(accused.leaf) || !RulesLib.isLeaf(other.leaf)) return RulesLib.Rule.LEAF;
        RulesLib.Movement memory child = RulesLib.decode(accused.leaf);
        RulesLib.Movement memory beside = RulesLib.decode(other.leaf);
        rule = RulesLib.broken(child, accused.index, beside, other.index);
        if (rule != RulesLib.Rule.NONE) return rule;
        if (RulesLib.belongTogether(child, accused.index, beside, other.index)) revert Lawful(accused.index, other.index);
        revert Unrelated(accused.index, other.index);
    }

    /// @dev Whether the tree (`next`, `nextRoot`) continues the one of the last checkpoint.
    function _continues(uint64 last, uint64 next, bytes32 nextRoot, bytes32[] calldata proof)
        private
        view
        returns (bool)
    {
        if (last == 0) return proof.length == 0; // every tree continues the empty one
        return MerkleLib.isConsistent(last, next, rootAt[last], nextRoot, proof);
    }

    /// @dev Reverts unless `signatures` are at least `needed`, all over the EIP-712 struct, by distinct signers.
    function _checkSignatures(bytes32 structHash, bytes[] calldata signatures, uint256 needed) private view {
        if (signatures.length < needed) revert TooFewSignatures(signatures.length, needed);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
        uint256 seen = 0; // a bit per place
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = SignatureLib.recover(digest, signatures[i]);
            if (signer == address(0)) revert MalformedSignature(i);
            uint256 place = _place[signer];
            if (place == 0) revert UnknownSigner(signer);
            if (seen >> place & 1 == 1) revert RepeatedSigner(signer);
            seen |= 1 << place;
        }
    }

    /// @dev Sets signers where there are none; the places of earlier ones are cleared by the caller.
    function _setSigners(address[] memory signers_, uint256 threshold_, uint48 epoch) private {
        uint256 count = signers_.length;
        if (count > MAX_SIGNERS) revert TooManySigners(count);
        if (threshold_ == 0 || threshold_ > count) revert BadThreshold(threshold_, count);
        for (uint256 i = 0; i < count; ++i) {
            address signer = signers_[i];
            if (signer == address(0)) revert ZeroSigner();
            if (_place[signer] != 0) revert RepeatedSigner(signer);
            _place[signer] = i + 1;
        }
        _signers = signers_;
        _state.threshold = uint8(threshold_); // at most MAX_SIGNERS
        _state.signersEpoch = epoch;
        emit SignersChanged(epoch, signers_, threshold_);
    }
}
