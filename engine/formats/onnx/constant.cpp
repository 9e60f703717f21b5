#include "engine/formats/onnx/constant.h"

#include "engine/base/error.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace eigenbit::internal {
namespace {

using onnx::TensorProto;

float half_to_float(std::uint16_t bits) {
    const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
    const int exponent = (bits >> 10U) & 0x1FU;
    const auto fraction = static_cast<float>(bits & 0x3FFU);
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    if (exponent < 31) return sign * std::ldexp(fraction + 1024.0F, exponent - 25);
    return fraction == 0.0F ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
}

float bfloat_to_float(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U); }

std::int64_t checked_unsigned(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail("an integer of a tensor is {}, which is too large", value);
    }
    return static_cast<std::int64_t>(value);
}

void check_count(std::size_t found, const Shape& shape) {
    if (found != static_cast<std::size_t>(shape.elements())) {
        fail("a tensor of dimensions {} holds {} values", to_string(shape), found);
    }
}

/// Values of type Stored from the tensor's little-endian bytes, or else from its list of values.
template <typename Stored, typename Target, typename List, typename Convert>
std::vector<Target> decode(const TensorProto& tensor, const Shape& shape, const List& list, Convert convert) {
    std::vector<Target> values;
    if (!tensor.has_raw_data()) {
        check_count(static_cast<std::size_t>(list.size()), shape);
        values.reserve(static_cast<std::size_t>(list.size()));
        for (const auto value : list) values.push_back(convert(static_cast<Stored>(value)));
        return values;
    }
    const std::string& bytes = tensor.raw_data();
    if (bytes.size() % sizeof(Stored) != 0) fail("the data of a tensor end within a value");
    check_count(bytes.size() / sizeof(Stored), shape);
    values.resize(bytes.size() / sizeof(Stored));
    for (std::size_t i = 0; i < values.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
        values[i] = convert(stored);
    }
    return values;
}

template <typename Stored, typename List>
std::vector<std::int64_t> decode_integers(const TensorProto& tensor, const Shape& shape, const List& list) {
    return decode<Stored, std::int64_t>(tensor, shape, list, [](Stored value) { return std::int64_t{value}; });
}

template <typename Stored, typename List>
std::vector<float> decode_reals(const TensorProto& tensor, const Shape& shape, const List& list) {
    return decode<Stored, float>(tensor, shape, list, [](Stored value) { return static_cast<float>(value); });
}

void check_complete(const TensorProto& tensor) {
    if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
        fail("tensor '{}' keeps its data in another file; only files that hold all their data are supported",
             tensor.name());
    }
    if (tensor.has_segment()) fail("tensor '{}' is stored in segments, which are not supported", tensor.name());
}

// Element types that are newer than some versions of onnx.proto.
constexpr int kUint4 = 21;
constexpr int kInt4 = 22;

/// Integers of 4 bits, the first of two in the lower half of a byte.
std::vector<std::int64_t> decode_halves(const TensorProto& tensor, const Shape& shape, bool is_signed) {
    const Shape bytes{(shape.elements() + 1) / 2};
    const std::vector<std::int64_t> pairs = decode_integers<std::uint8_t>(tensor, bytes, tensor.int32_data());
    std::vector<std::int64_t> values;
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const std::int64_t half = pairs[static_cast<std::size_t>(i / 2)] >> (4 * (i % 2)) & 15;
        values.push_back(is_signed && half > 7 ? half - 16 : half);
    }
    return values;
}

decltype(Constant::values) decode_values(const TensorProto& tensor, const Shape& shape) {
    switch (tensor.data_type()) {
    case TensorProto::FLOAT:
        return decode_reals<float>(tensor, shape, tensor.float_data());
    case TensorProto::DOUBLE:
        return decode_reals<double>(tensor, shape, tensor.double_data());
    case TensorProto::FLOAT16:
        return decode<std::uint16_t, float>(tensor, shape, tensor.int32_data(), half_to_float);
    case TensorProto::BFLOAT16:
        return decode<std::uint16_t, float>(tensor, shape, tensor.int32_data(), bfloat_to_float);
    case TensorProto::INT64:
        return decode_integers<std::int64_t>(tensor, shape, tensor.int64_data());
    case TensorProto::INT32:
        return decode_integers<std::int32_t>(tensor, shape, tensor.int32_data());
    case TensorProto::INT16:
        return decode_integers<std::int16_t>(tensor, shape, tensor.int32_data());
    case TensorProto::INT8:
        return decode_integers<std::int8_t>(tensor, shape, tensor.int32_data());
    case TensorProto::UINT32:
        return decode_integers<std::uint32_t>(tensor, shape, tensor.uint64_data());
    case TensorProto::UINT16:
        return decode_integers<std::uint16_t>(tensor, shape, tensor.int32_data());
    case TensorProto::UINT8:
        return decode_integers<std::uint8_t>(tensor, shape, tensor.int32_data());
    case TensorProto::BOOL:
        return decode_integers<std::uint8_t>(tensor, shape, tensor.int32_data());
    case TensorProto::UINT64:
        return decode<std::uint64_t, std::int64_t>(tensor, shape, tensor.uint64_data(), checked_unsigned);
    case kUint4:
        return decode_halves(tensor, shape, false);
    case kInt4:
        return decode_halves(tensor, shape, true);
    default:
        fail("tensor '{}' has the element type {}, which is not supported (integers, booleans and reals are)",
             tensor.name(), tensor.data_type());
    }
}

}  // namespace

const std::vector<std::int64_t>& Constant::integers() const {
    if (!is_integer()) fail("a constant of shape {} holds reals, integers were expected", to_string(shape));
    return std::get<0>(values);
}

const std::vector<float>& Constant::reals() const {
    if (is_integer()) fail("a constant of shape {} holds integers, reals were expected", to_string(shape));
    return std::get<1>(values);
}

Constant integer_list(std::vector<std::int64_t> values) {
    return {Shape{static_cast<std::int64_t>(values.size())}, std::move(values)};
}

float scalar(const Constant& constant) {
    if (constant.shape.elements() != 1)
        fail("a constant has shape {}, one value was expected", to_string(constant.shape));
    return constant.is_integer() ? static_cast<float>(constant.integers()[0]) : constant.reals()[0];
}

Constant read_constant(const TensorProto& tensor) {
    check_complete(tensor);
    try {
        const std::vector<std::int64_t> dimensions(tensor.dims().begin(), tensor.dims().end());
        const Shape shape(dimensions);
        return {shape, decode_values(tensor, shape)};
    } catch (const Error& error) {
        fail("tensor '{}': {}", tensor.name(), error.what());
    }
}

}  // namespace eigenbit::internal
