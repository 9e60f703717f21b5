#include "engine/formats/onnx/constant.h"

#include "engine/base/error.h"
#include "engine/base/half_floats.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>

namespace eigenbit::internal {
namespace {

using onnx::TensorProto;

// Newer than the onnx.proto of Debian.
constexpr int kUint4 = 21;
constexpr int kInt4 = 22;

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

using Bytes = std::span<const std::uint8_t>;

/// A tensor with what holds its values: little-endian bytes, or else a list.
struct StoredTensor {
    const TensorProto& proto;
    Shape shape;
    std::optional<Bytes> bytes;
};

template <typename Stored, typename Target, typename List, typename Convert>
std::vector<Target> decode(const StoredTensor& tensor, const List& list, Convert convert) {
    std::vector<Target> values;
    if (!tensor.bytes) {
        check_count(static_cast<std::size_t>(list.size()), tensor.shape);
        values.reserve(static_cast<std::size_t>(list.size()));
        for (const auto value : list) values.push_back(convert(static_cast<Stored>(value)));
        return values;
    }
    const Bytes bytes = *tensor.bytes;
    if (bytes.size() % sizeof(Stored) != 0) fail("the data of a tensor end within a value");
    check_count(bytes.size() / sizeof(Stored), tensor.shape);
    values.resize(bytes.size() / sizeof(Stored));
    for (std::size_t i = 0; i < values.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
        values[i] = convert(stored);
    }
    return values;
}

template <typename Stored, typename List>
std::vector<std::int64_t> decode_integers(const StoredTensor& tensor, const List& list) {
    return decode<Stored, std::int64_t>(tensor, list, [](Stored value) { return std::int64_t{value}; });
}

template <typename Stored, typename List>
std::vector<float> decode_reals(const StoredTensor& tensor, const List& list) {
    return decode<Stored, float>(tensor, list, [](Stored value) { return static_cast<float>(value); });
}

/// Integers of 4 bits, two in a byte, the lower half first.
std::vector<std::int64_t> decode_halves(const StoredTensor& tensor, bool is_signed) {
    std::vector<std::uint8_t> listed;
    for (const std::int32_t byte : tensor.proto.int32_data()) listed.push_back(static_cast<std::uint8_t>(byte));
    const Bytes bytes = tensor.bytes.value_or(listed);
    const auto count = static_cast<std::size_t>(tensor.shape.elements());
    if (bytes.size() != (count + 1) / 2) check_count(2 * bytes.size(), tensor.shape);
    std::vector<std::int64_t> values(count);
    for (std::size_t i = 0; i < count; ++i) {
        const int half = i % 2 == 0 ? bytes[i / 2] & 0xF : bytes[i / 2] >> 4;
        values[i] = is_signed && half > 7 ? half - 16 : half;
    }
    return values;
}

decltype(Constant::values) decode_values(const StoredTensor& tensor) {
    const TensorProto& proto = tensor.proto;
    switch (proto.data_type()) {
    case TensorProto::FLOAT:
        return decode_reals<float>(tensor, proto.float_data());
    case TensorProto::DOUBLE:
        return decode_reals<double>(tensor, proto.double_data());
    case TensorProto::FLOAT16:
        return decode<std::uint16_t, float>(tensor, proto.int32_data(), half_to_float);
    case TensorProto::BFLOAT16:
        return decode<std::uint16_t, float>(tensor, proto.int32_data(), bfloat_to_float);
    case TensorProto::INT64:
        return decode_integers<std::int64_t>(tensor, proto.int64_data());
    case TensorProto::INT32:
        return decode_integers<std::int32_t>(tensor, proto.int32_data());
    case TensorProto::INT16:
        return decode_integers<std::int16_t>(tensor, proto.int32_data());
    case TensorProto::INT8:
        return decode_integers<std::int8_t>(tensor, proto.int32_data());
    case TensorProto::UINT32:
        return decode_integers<std::uint32_t>(tensor, proto.uint64_data());
    case TensorProto::UINT16:
        return decode_integers<std::uint16_t>(tensor, proto.int32_data());
    case TensorProto::UINT8:
    case TensorProto::BOOL:
        return decode_integers<std::uint8_t>(tensor, proto.int32_data());
    case TensorProto::UINT64:
        return decode<std::uint64_t, std::int64_t>(tensor, proto.uint64_data(), checked_unsigned);
    case kUint4:
    case kInt4:
        return decode_halves(tensor, proto.data_type() == kInt4);
    default:
        fail("it has the element type {}, which is not supported (integers, booleans and reals are)",
             element_type_name(proto.data_type()));
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

Constant read_constant(const TensorProto& tensor, std::optional<Bytes> external) {
    try {
        if (tensor.has_segment()) fail("it is stored in segments, which are not supported");
        const std::string& raw = tensor.raw_data();
        if (!external && tensor.has_raw_data()) {
            external = Bytes(reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
        }
        const std::vector<std::int64_t> dimensions(tensor.dims().begin(), tensor.dims().end());
        const Shape shape(dimensions);
        return {shape, decode_values({tensor, shape, external}), tensor.data_type()};
    } catch (const Error& error) {
        fail("tensor '{}': {}", tensor.name(), error.what());
    }
}

std::string element_type_name(std::int64_t element_type) {
    static constexpr std::array<std::string_view, 27> kNames{
        "UNDEFINED", "FLOAT",      "UINT8",      "INT8",         "UINT16",         "INT16",      "INT32",
        "INT64",     "STRING",     "BOOL",       "FLOAT16",      "DOUBLE",         "UINT32",     "UINT64",
        "COMPLEX64", "COMPLEX128", "BFLOAT16",   "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ",
        "UINT4",     "INT4",       "FLOAT4E2M1", "FLOAT8E8M0",   "UINT2",          "INT2"};
    const bool known = 0 <= element_type && element_type < std::ssize(kNames);
    return known ? std::string(kNames[static_cast<std::size_t>(element_type)]) : std::to_string(element_type);
}

std::pair<std::int32_t, std::int32_t> level_range(std::int64_t element_type) {
    switch (element_type) {
    case TensorProto::UINT8:
        return {0, 255};
    case TensorProto::INT8:
        return {-128, 127};
    case TensorProto::UINT16:
        return {0, 65535};
    case TensorProto::INT16:
        return {-32768, 32767};
    case kUint4:
        return {0, 15};
    case kInt4:
        return {-8, 7};
    default:
        fail("levels of the element type {} are not supported", element_type_name(element_type));
    }
}

bool is_real(std::int64_t element_type) {
    return element_type == TensorProto::FLOAT || element_type == TensorProto::FLOAT16
           || element_type == TensorProto::DOUBLE || element_type == TensorProto::BFLOAT16;
}

}  // namespace eigenbit::internal
