// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RulesLib
/// @notice Every rule about a gram, as pure functions of two leaves of the log (docs/design.md, sections 2 and 3).
/// @dev The first rule broken is named, and the order of the checks is part of the specification: for the same leaves
/// `anchoring/conviction.py` and `rules.js` name the same. All three are held to tests/vectors/rules.json.
library RulesLib {
    /// @notice The rule that is broken; numbers and names are those of `registry/ledger/rules.py`, and never change.
    enum Rule {
        NONE,
        KIND,
        RECORD,
        RANGE,
        PARENT,
        WITHIN,
        FORM,
        FLAGS,
        PURPOSE,
        TIME,
        FROM_TAG,
        HOLDER,
        KEPT_FLAGS,
        CONVERTED,
        INDIVIDUAL,
        LOCKED,
        UNTIL,
        EXPIRY,
        CLASS_I,
        REFUND,
        OVERLAP,
        ISSUE_OVERLAP,
        ORDER,
        LEAF,
        GATHERED
    }

    /// @notice A leaf's fields but the evidence, which no rule looks at.
    struct Movement {
        uint8 kind;
        uint8 form;
        uint8 flags;
        uint16 purpose;
        uint64 first;
        uint64 last;
        uint64 parent;
        uint48 atMs;
        uint48 untilMs;
        bytes20 fromTag;
        bytes20 toTag;
    }

    uint256 internal constant LEAF_SIZE = 114;
    uint64 private constant NO_PARENT = type(uint64).max;

    uint8 private constant ISSUE = 1;
    uint8 private constant TRANSFER = 2;
    uint8 private constant CONVERT = 3;
    uint8 private constant REDEEM = 4;
    uint8 private constant REFUND = 5;
    uint8 private constant GATHER = 6;
    uint8 private constant EXPIRE = 7;
    uint8 private constant CANCEL = 8;
    uint8 private constant VOID = 9;
    uint8 private constant LOCK = 10;
    uint8 private constant UNLOCK = 11;
    uint8 private constant BUNDLE = 12;
    uint8 private constant RECORDS_FROM = 64;

    uint8 private constant END = 0;
    uint8 private constant REDUCTION = 1;
    uint8 private constant POINTS = 2;

    uint8 private constant CLASS_I = 1;
    uint8 private constant SCENARIO = 2;
    uint8 private constant CONVERTED = 4;
    uint8 private constant INDIVIDUAL = 8;
    uint8 private constant LOCKED = 16;
    uint8 private constant ALL_FLAGS = 31;
    uint8 private constant BUNDLE_FLAGS = 7;

    /// @dev Every range of grams ends below this.
    uint64 private constant GRAMS_END = 1 << 63;

    uint16 private constant AGREEMENT = 1;
    uint16 private constant LISTED_TRADE = 2;
    uint16 private constant PLEDGE_EXECUTION = 4;
    uint16 private constant VOLUNTARY_CANCELLATION = 16;
    uint16 private constant DONATION = 18;
    uint16 private constant COMPLIANCE_OFFSET = 20;
    uint16 private constant OTHER_REGISTRY = 21;
    uint16 private constant LISTING = 32;
    uint16 private constant PLEDGE = 33;
    uint16 private constant FREEZE = 34;
    uint16 private constant ABNORMAL_DATA = 48;

    /// @notice Whether the bytes have a leaf's length and version; only then `decode` them.
    function isLeaf(bytes calldata data) internal pure returns (bool) {
        return data.length == LEAF_SIZE && data[0] == 0x01;
    }

    /// @notice The fields of a leaf of 114 bytes.
    function decode(bytes calldata leaf) internal pure returns (Movement memory m) {
        m.kind = uint8(leaf[1]);
        m.form = uint8(leaf[2]);
        m.flags = uint8(leaf[3]);
        m.purpose = uint16(bytes2(leaf[4:6]));
        m.first = uint64(bytes8(leaf[6:14]));
        m.last = uint64(bytes8(leaf[14:22]));
        m.parent = uint64(bytes8(leaf[22:30]));
        m.atMs = uint48(bytes6(leaf[30:36]));
        m.untilMs = uint48(bytes6(leaf[36:42]));
        m.fromTag = bytes20(leaf[42:62]);
        m.toTag = bytes20(leaf[62:82]);
    }

    /// @notice The first rule that leaf `index` breaks by itself, or against leaf `otherIndex`; NONE when the two prove
    /// nothing. The indices differ.
    function broken(Movement memory child, uint64 index, Movement memory other, uint64 otherIndex)
        internal
        pure
        returns (Rule rule)
    {
        rule = _brokenAlone(child, index);
        if (rule == Rule.NONE && child.parent == otherIndex) rule = _brokenAgainst(child, other);
        if (rule == Rule.NONE) rule = _overlap(child, other);
        if (rule == Rule.NONE) rule = _brokenByNeighbour(child, index, other, otherIndex);
    }

    /// @notice Whether a rule is about the two at all: the other is the parent, or they have one parent, or both number
    /// grams, or they are neighbours of one run.
    function belongTogether(Movement memory child, uint64 index, Movement memory other, uint64 otherIndex)
        internal
        pure
        returns (bool)
    {
        if (child.parent == otherIndex || _areRivals(child, other)) return true;
        if (_isBefore(index, otherIndex)) return _isInRun(child, other);
        return _isBefore(otherIndex, index) && _isInRun(other, child);
    }

    /// @dev Rules on one leaf, whatever its parent is.
    function _brokenAlone(Movement memory child, uint64 index) private pure returns (Rule rule) {
        if (child.kind >= RECORDS_FROM) return _isBare(child) ? Rule.NONE : Rule.RECORD;
        if (child.kind < ISSUE || child.kind > BUNDLE) return Rule.KIND;
        if (child.first >= child.last || child.last >= GRAMS_END) return Rule.RANGE;
        if (_isOrigin(child)) rule = _brokenByOrigin(child);
        else if (child.kind == GATHER && !_isTarget(child)) rule = Rule.GATHERED;
        else if (child.parent == NO_PARENT) rule = Rule.PARENT;
        else if (child.parent >= index) rule = Rule.ORDER;
        // Nothing stands before leaf 0.
        if (rule == Rule.NONE && index == 0 && _needsOneBefore(child)) rule = Rule.GATHERED;
    }

    /// @dev Rules on a lawful-looking child and its parent.
    function _brokenAgainst(Movement memory child, Movement memory parent) private pure returns (Rule rule) {
        if (parent.form == END || parent.kind >= RECORDS_FROM) return Rule.PARENT;
        rule = _brokenByShape(child, parent);
        if (rule == Rule.NONE) rule = _brokenByHolder(child, parent);
        if (rule == Rule.NONE) rule = _brokenByExpiryOrClass(child, parent);
    }

    /// @dev Two children of one parent never overlap, and two of ISSUE and BUNDLE never overlap.
    function _overlap(Movement memory one, Movement memory other) private pure returns (Rule) {
        uint64 first = one.first > other.first ? one.first : other.first;
        uint64 last = one.last < other.last ? one.last : other.last;
        if (first >= last || !_areRivals(one, other)) return Rule.NONE;
        return _isOrigin(one) && _isOrigin(other) ? Rule.ISSUE_OVERLAP : Rule.OVERLAP;
    }

    /// @dev GATHERED, when two neighbours should be of one run and are not.
    function _brokenByNeighbour(Movement memory one, uint64 index, Movement memory other, uint64 otherIndex)
        private
        pure
        returns (Rule)
    {
        (Movement memory before, Movement memory next) = index < otherIndex ? (one, other) : (other, one);
        bool areNeighbours = _isBefore(index, otherIndex) || _isBefore(otherIndex, index);
        return areNeighbours && _isInRun(before, next) && !_goesOn(before, next) ? Rule.GATHERED : Rule.NONE;
    }

    /// @dev Whether two neighbours have to be of one run: one or more GATHERs, and then their BUNDLE.
    function _isInRun(Movement memory before, Movement memory next) private pure returns (bool) {
        return before.kind == GATHER || _needsOneBefore(next);
    }

    /// @dev Whether a GATHER has to stand right before: this is a BUNDLE, or a GATHER that does not begin its run.
    function _needsOneBefore(Movement memory m) private pure returns (bool) {
        if (m.kind != GATHER) return m.kind == BUNDLE;
        (uint64 bundle, uint64 first) = _target(m);
        return _isTarget(m) && first != bundle;
    }

    /// @dev Whether the second takes up a run where the first, a GATHER, leaves it.
    function _goesOn(Movement memory before, Movement memory next) private pure returns (bool) {
        if (before.kind != GATHER || !_isTarget(before)) return false;
        if (next.atMs != before.atMs || (next.flags ^ before.flags) & BUNDLE_FLAGS != 0) return false;
        (uint64 bundle, uint64 first) = _target(before);
        uint64 end = first + (before.last - before.first); // does not wrap: _isTarget
        if (next.kind == BUNDLE) return next.first == bundle && next.last == end;
        if (next.kind != GATHER || !_isTarget(next)) return false;
        (uint64 nextBundle, uint64 nextFirst) = _target(next);
        return nextBundle == bundle && nextFirst == end;
    }

    /// @dev Whether a GATHER's to tag has the form of a target, which does not lead past the last number.
    function _isTarget(Movement memory m) private pure returns (bool) {
        (uint64 bundle, uint64 first) = _target(m);
        if (bytes4(m.toTag) != 0 || first < bundle || m.first >= m.last || m.last >= GRAMS_END) return false;
        return first < GRAMS_END - (m.last - m.first);
    }

    /// @dev The first number of the bundle that a GATHER's grams go to, and the number that its own first gram gets.
    function _target(Movement memory m) private pure returns (uint64 bundle, uint64 first) {
        bundle = uint64(uint160(m.toTag) >> 64);
        first = uint64(uint160(m.toTag));
    }

    function _isBefore(uint64 index, uint64 otherIndex) private pure returns (bool) {
        return index < otherIndex && otherIndex - index == 1;
    }

    function _isOrigin(Movement memory m) private pure returns (bool) {
        return m.kind == ISSUE || m.kind == BUNDLE;
    }

    function _areRivals(Movement memory one, Movement memory other) private pure returns (bool) {
        if (one.kind >= RECORDS_FROM || other.kind >= RECORDS_FROM) return false;
        if (_isOrigin(one) && _isOrigin(other)) return true;
        return one.parent == other.parent && one.parent != NO_PARENT;
    }

    function _isBare(Movement memory m) private pure returns (bool) {
        bool empty = m.form == 0 && m.flags == 0 && m.purpose == 0 && m.first == 0 && m.last == 0 && m.untilMs == 0;
        return empty && m.parent == NO_PARENT && m.fromTag == 0 && m.toTag == 0;
    }

    function _brokenByOrigin(Movement memory child) private pure returns (Rule) {
        if (child.parent != NO_PARENT) return Rule.PARENT;
        if (child.form != REDUCTION) return Rule.FORM;
        uint8 allowed = child.kind == BUNDLE ? BUNDLE_FLAGS : CLASS_I | SCENARIO | INDIVIDUAL;
        if (child.flags & ~allowed != 0) return Rule.FLAGS;
        if (child.purpose != 0) return Rule.PURPOSE;
        if (child.fromTag != 0) return Rule.FROM_TAG;
        if (child.toTag == 0) return Rule.HOLDER;
        return child.untilMs == 0 ? Rule.NONE : Rule.UNTIL;
    }

    /// @dev Rules on range, form, codes and time.
    function _brokenByShape(Movement memory child, Movement memory parent) private pure returns (Rule) {
        if (child.first < parent.first || child.last > parent.last) return Rule.WITHIN;
        if (!_leads(child.kind, parent.form, child.form)) return Rule.FORM;
        if (child.flags & ~ALL_FLAGS != 0) return Rule.FLAGS;
        if (!_hasPurpose(child.kind, parent.form, child.purpose)) return Rule.PURPOSE;
        return child.atMs < parent.atMs ? Rule.TIME : Rule.NONE;
    }

    /// @dev Rules on tags and on the flags that follow the grams and their holder.
    function _brokenByHolder(Movement memory child, Movement memory parent) private pure returns (Rule) {
        if (child.fromTag != parent.toTag) return Rule.FROM_TAG;
        if (child.form != END && child.toTag == 0) return Rule.HOLDER;
        if (!_holderAsSaid(child, parent)) return child.kind == REFUND ? Rule.REFUND : Rule.HOLDER;
        if ((child.flags ^ parent.flags) & (CLASS_I | SCENARIO) != 0) return Rule.KEPT_FLAGS;
        if (!_convertedAsSaid(child, parent)) return Rule.CONVERTED;
        if (!_individualAsSaid(child, parent)) return Rule.INDIVIDUAL;
        return _lockAsSaid(child, parent) ? Rule.NONE : Rule.LOCKED;
    }

    function _brokenByExpiryOrClass(Movement memory child, Movement memory parent) private pure returns (Rule) {
        if (!_untilAsSaid(child, parent)) return Rule.UNTIL;
        if (!_inTime(child, parent)) return Rule.EXPIRY;
        if (child.purpose == COMPLIANCE_OFFSET && !_has(parent, CLASS_I)) return Rule.CLASS_I;
        return Rule.NONE;
    }

    /// @dev Whether a kind leads from one form to the other.
    function _leads(uint8 kind, uint8 before, uint8 to) private pure returns (bool) {
        if (before != REDUCTION && before != POINTS) return false;
        if (kind == TRANSFER) return before == REDUCTION && to == REDUCTION;
        if (kind == CONVERT) return before == REDUCTION && to == POINTS;
        if (kind == REDEEM || kind == REFUND) return before == POINTS && to == POINTS;
        if (kind == EXPIRE) return before == POINTS && to == END;
        if (kind == GATHER || kind == CANCEL || kind == VOID) return to == END;
        return to == before; // LOCK, UNLOCK
    }

    /// @dev Whether a purpose is one that the kind has for grams of this form.
    function _hasPurpose(uint8 kind, uint8 form, uint16 purpose) private pure returns (bool) {
        if (kind == TRANSFER) return purpose >= AGREEMENT && purpose <= PLEDGE_EXECUTION;
        if (kind == CANCEL && form == POINTS) return purpose == VOLUNTARY_CANCELLATION || purpose == DONATION;
        if (kind == CANCEL) return purpose >= VOLUNTARY_CANCELLATION && purpose <= OTHER_REGISTRY;
        if (kind == VOID) return purpose == ABNORMAL_DATA;
        if (kind == LOCK && form == POINTS) return purpose == FREEZE;
        if (kind == LOCK) return purpose >= LISTING && purpose <= FREEZE;
        return purpose == 0;
    }

    function _holderAsSaid(Movement memory child, Movement memory parent) private pure returns (bool) {
        if (child.kind == TRANSFER || child.kind == REDEEM) return child.toTag != child.fromTag;
        if (child.kind == REFUND) return parent.kind == REDEEM && child.toTag == parent.fromTag;
        if (child.kind == GATHER) return true; // a target, not a tag
        if (child.form == END) return child.toTag == 0;
        return child.toTag == child.fromTag; // CONVERT, LOCK, UNLOCK
    }

    function _convertedAsSaid(Movement memory child, Movement memory parent) private pure returns (bool) {
        (bool was, bool isNow) = (_has(parent, CONVERTED), _has(child, CONVERTED));
        if (child.kind != CONVERT) return was == isNow;
        return _has(parent, SCENARIO) && !was && isNow;
    }

    function _individualAsSaid(Movement memory child, Movement memory parent) private pure returns (bool) {
        (bool was, bool isNow) = (_has(parent, INDIVIDUAL), _has(child, INDIVIDUAL));
        if (child.kind == TRANSFER) return true;
        if (child.kind == CONVERT) return was && isNow;
        if (child.kind == REDEEM || child.kind == EXPIRE) return was && !isNow;
        if (child.kind == REFUND) return isNow;
        if (child.kind == GATHER) return !was && !isNow;
        if (child.kind == CANCEL) return !isNow && !(was && child.purpose == OTHER_REGISTRY);
        if (child.kind == VOID) return !isNow;
        return was == isNow; // LOCK, UNLOCK
    }

    function _lockAsSaid(Movement memory child, Movement memory parent) private pure returns (bool) {
        (bool was, bool isNow) = (_has(parent, LOCKED), _has(child, LOCKED));
        if (isNow != (child.kind == LOCK)) return false;
        if (child.kind == UNLOCK) return was;
        if (!was || child.kind == VOID) return true;
        if (child.kind != TRANSFER || parent.kind != LOCK) return false;
        if (child.purpose == LISTED_TRADE) return parent.purpose == LISTING;
        return child.purpose == PLEDGE_EXECUTION && parent.purpose == PLEDGE;
    }

    function _untilAsSaid(Movement memory child, Movement memory parent) private pure returns (bool) {
        if (child.kind == CONVERT) return child.untilMs > child.atMs;
        return child.untilMs == (child.form == POINTS ? parent.untilMs : 0);
    }

    function _inTime(Movement memory child, Movement memory parent) private pure returns (bool) {
        if (child.kind == REDEEM) return child.atMs <= parent.untilMs;
        if (child.kind == EXPIRE) return child.atMs > parent.untilMs;
        bool ofPersonsPoints = child.kind == CANCEL && parent.form == POINTS && _has(parent, INDIVIDUAL);
        return !ofPersonsPoints || child.atMs <= parent.untilMs;
    }

    function _has(Movement memory m, uint8 flag) private pure returns (bool) {
        return m.flags & flag != 0;
    }
}
