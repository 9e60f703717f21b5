#pragma once

#include "engine/formats/ebit/bytes.h"
#include "engine/ops/operator.h"

#include <string_view>

namespace eigenbit::internal {

/// The operator's attributes as bytes.
std::vector<std::uint8_t> write_attributes(const Operator& op);

/// An operator of this type, with the attributes that the reader holds; all must be known. Throws Error when
/// there is no such type, or an attribute has an impossible value.
Operator read_operator(std::string_view type, ByteReader& reader);

}  // namespace eigenbit::internal
