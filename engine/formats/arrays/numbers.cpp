#include "engine/formats/arrays/numbers.h"

#include "engine/base/half_floats.h"

#include <cstring>

namespace eigenbit::internal {
namespace {

template <typename Stored, typename Convert>
Tensor decoded(std::span<const std::uint8_t> bytes, const Shape& shape, const Convert& convert) {
    Tensor result(shape);
    for (std::int64_t i = 0; i < result.elements(); ++i) {
        Stored stored;
        std::memcpy(&stored, bytes.data() + static_cast<std::size_t>(i) * sizeof(Stored), sizeof(Stored));
        result[i] = convert(stored);
    }
    return result;
}

template <typename Stored>
Tensor decoded(std::span<const std::uint8_t> bytes, const Shape& shape) {
    return decoded<Stored>(bytes, shape, [](Stored value) { return static_cast<float>(value); });
}

}  // namespace

std::size_t bytes_of(NumberType type) {
    switch (type) {
    case NumberType::int8:
    case NumberType::uint8:
    case NumberType::boolean:
        return 1;
    case NumberType::float16:
    case NumberType::bfloat16:
    case NumberType::int16:
    case NumberType::uint16:
        return 2;
    case NumberType::float32:
    case NumberType::int32:
    case NumberType::uint32:
        return 4;
    default:
        return 8;
    }
}

Tensor decode_numbers(std::span<const std::uint8_t> bytes, NumberType type, const Shape& shape) {
    switch (type) {
    case NumberType::float16:
        return decoded<std::uint16_t>(bytes, shape, half_to_float);
    case NumberType::bfloat16:
        return decoded<std::uint16_t>(bytes, shape, bfloat_to_float);
    case NumberType::float32:
        return decoded<float>(bytes, shape);
    case NumberType::float64:
        return decoded<double>(bytes, shape);
    case NumberType::int8:
        return decoded<std::int8_t>(bytes, shape);
    case NumberType::int16:
        return decoded<std::int16_t>(bytes, shape);
    case NumberType::int32:
        return decoded<std::int32_t>(bytes, shape);
    case NumberType::int64:
        return decoded<std::int64_t>(bytes, shape);
    case NumberType::uint8:
        return decoded<std::uint8_t>(bytes, shape);
    case NumberType::uint16:
        return decoded<std::uint16_t>(bytes, shape);
    case NumberType::uint32:
        return decoded<std::uint32_t>(bytes, shape);
    case NumberType::uint64:
        return decoded<std::uint64_t>(bytes, shape);
    case NumberType::boolean:
        break;
    }
    return decoded<std::uint8_t>(bytes, shape, [](std::uint8_t value) { return value == 0 ? 0.0F : 1.0F; });
}

}  // namespace eigenbit::internal
