#include "engine/formats/onnx/import/operators.h"

namespace eigenbit::internal {

ImportOperator find_import(std::string_view op_type) {
    for (const ImportTable* table : {&layer_imports(), &conv_transpose_imports(), &resize_imports(),
                                     &normalization_imports(), &arithmetic_imports(), &shape_imports()}) {
        const auto found = table->find(op_type);
        if (found != table->end()) return found->second;
    }
    return nullptr;
}

}  // namespace eigenbit::internal
