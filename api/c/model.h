#pragma once

#include "engine/formats/file.h"
#include "engine/graph/model.h"
#include "engine/program/programs.h"
#include "include/eigenbit/eigenbit.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct eigenbit_model {
    /// `name` is what errors call the file. Throws Error when it is damaged or beyond a limit.
    eigenbit_model(std::shared_ptr<const eigenbit::internal::FileBytes> file_bytes, std::string_view name,
                   const eigenbit_model_options& options);

    std::shared_ptr<const eigenbit::internal::FileBytes> bytes;
    eigenbit::internal::Model model;  ///< but for its graph
    eigenbit::internal::Programs programs;
    std::vector<std::string> float_layers{};
};

namespace eigenbit::internal {

Shape shape_of(const eigenbit_shape& shape);
eigenbit_shape shape_of(const Shape& shape);

}  // namespace eigenbit::internal
