#include "include/eigenbit/arrays.hpp"

#include "api/cpp/state.h"
#include "engine/formats/arrays/npy.h"
#include "engine/formats/file.h"

#include <utility>

namespace eigenbit {
inline namespace v1 {

internal::Shape shape_of(const Extents& extents) { return internal::Shape(std::span(extents)); }

Extents extents_of(const internal::Shape& shape) { return {shape.begin(), shape.end()}; }

internal::Tensor tensor_of(const Array& array) {
    const internal::Shape shape = shape_of(array.shape);
    if (shape.elements() != std::ssize(array.values)) {
        internal::fail("{} has shape {}, but {} values.", array.name, to_string(shape), array.values.size());
    }
    return {shape, array.values};
}

Array array_of(internal::ConstView values, std::string name) {
    const std::span all = values.values();
    return {extents_of(values.shape), {all.begin(), all.end()}, std::move(name)};
}

Array read_npy(const std::string& file) {
    return translated([&] { return array_of(internal::read_npy(file), file); });
}

void write_npy(const std::string& file, const Array& array) {
    translated([&] { internal::write_file(file, internal::encode_npy(tensor_of(array))); });
}

}  // namespace v1
}  // namespace eigenbit
