#include "engine/formats/onnx/import/operators.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {

void ImportedOperator::check_attributes(const onnx::NodeProto& node) const {
    for (const auto& attribute : node.attribute()) {
        std::string_view rest = attributes;
        const auto next = [&] {
            const std::string_view name = rest.substr(0, rest.find(' '));
            rest.remove_prefix(std::min(name.size() + 1, rest.size()));
            return name;
        };
        bool is_read = false;
        while (!is_read && !rest.empty()) is_read = next() == attribute.name();
        if (!is_read) fail("attribute '{}' is not supported", attribute.name());
    }
}

std::span<const ImportTable* const> import_tables() {
    static const std::array tables{&layer_imports(),         &conv_transpose_imports(), &resize_imports(),
                                   &normalization_imports(), &arithmetic_imports(),     &shape_imports()};
    return tables;
}

const ImportedOperator* find_import(std::string_view op_type) {
    for (const ImportTable* table : import_tables()) {
        const auto found = table->find(op_type);
        if (found != table->end()) return &found->second;
    }
    return nullptr;
}

}  // namespace eigenbit::internal
