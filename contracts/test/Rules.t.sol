// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RulesLib} from "../libraries/RulesLib.sol";
import {vm} from "./Vm.sol";

/// @notice The golden tables of two leaves, the same file that Python and JavaScript are held to.
contract RulesTests {
    struct Table {
        string name;
        uint64 index;
        uint64 other_index; // as in the file
        uint256[] accused;
        uint256[] others;
        string outcomes;
    }

    string private constant TABLE =
        "Table(string name,uint64 index,uint64 other_index,uint256[] accused,uint256[] others,string outcomes)";

    function test_goldenTables() public view {
        string memory json = vm.readFile("../tests/vectors/rules.json");
        bytes[] memory leaves = abi.decode(vm.parseJsonTypeArray(json, "$.leaves", "bytes"), (bytes[]));
        Table[] memory tables = abi.decode(vm.parseJsonTypeArray(json, "$.tables", TABLE), (Table[]));
        vm.assertTrue(tables.length > 100);
        for (uint256 i = 0; i < tables.length; ++i) {
            Table memory t = tables[i];
            this.check(
                _pick(leaves, t.accused), t.index, _pick(leaves, t.others), t.other_index, bytes(t.outcomes), t.name
            );
        }
    }

    function _pick(bytes[] memory leaves, uint256[] memory places) private pure returns (bytes[] memory picked) {
        picked = new bytes[](places.length);
        for (uint256 i = 0; i < places.length; ++i) {
            picked[i] = leaves[places[i]];
        }
    }

    /// @notice Check one table; external, so that the leaves are in calldata and the memory is fresh.
    function check(
        bytes[] calldata accused,
        uint64 index,
        bytes[] calldata others,
        uint64 otherIndex,
        bytes calldata outcomes,
        string calldata name
    ) external pure {
        vm.assertEq(accused.length * others.length, outcomes.length);
        RulesLib.Movement[] memory besides = new RulesLib.Movement[](others.length);
        for (uint256 j = 0; j < others.length; ++j) {
            if (RulesLib.isLeaf(others[j])) besides[j] = RulesLib.decode(others[j]);
        }
        for (uint256 i = 0; i < accused.length; ++i) {
            RulesLib.Movement memory child;
            bool areLeaves = RulesLib.isLeaf(accused[i]);
            if (areLeaves) child = RulesLib.decode(accused[i]);
            for (uint256 j = 0; j < others.length; ++j) {
                bytes1 found = areLeaves && RulesLib.isLeaf(others[j])
                    ? _outcome(child, index, besides[j], otherIndex)
                    : _digit(RulesLib.Rule.LEAF);
                if (found != outcomes[i * others.length + j]) vm.assertEq(string(abi.encodePacked(found)), name);
            }
        }
    }

    function _outcome(
        RulesLib.Movement memory child,
        uint64 index,
        RulesLib.Movement memory beside,
        uint64 otherIndex
    ) private pure returns (bytes1) {
        RulesLib.Rule rule = RulesLib.broken(child, index, beside, otherIndex);
        if (rule != RulesLib.Rule.NONE) return _digit(rule);
        return RulesLib.belongTogether(child, index, beside, otherIndex) ? bytes1("0") : bytes1("-");
    }

    /// @dev A rule's number in base 36.
    function _digit(RulesLib.Rule rule) private pure returns (bytes1) {
        uint8 number = uint8(rule);
        return bytes1(number < 10 ? number + 48 : number + 87);
    }
}
