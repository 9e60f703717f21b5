#include "engine/formats/ebit/activations.h"

#include "engine/base/error.h"
#include "engine/formats/ebit/graph.h"

namespace eigenbit::internal {

void write_quantizer(ByteWriter& writer, const ActivationQuantizer& quantizer) {
    writer.varint(static_cast<std::uint64_t>(quantizer.bit_depth));
    writer.varint(static_cast<std::uint64_t>(quantizer.zero_point));
    writer.float32(quantizer.step);
}

ActivationQuantizer read_quantizer(ByteReader& reader) {
    constexpr std::int64_t kMostBitDepth = 16;
    constexpr std::int64_t kMostZeroPoint = (1 << kMostBitDepth) - 1;
    ActivationQuantizer quantizer;
    quantizer.bit_depth = static_cast<int>(reader.at_most(kMostBitDepth, "the bit depth of a value"));
    quantizer.zero_point = static_cast<std::int32_t>(reader.at_most(kMostZeroPoint, "the zero point of a value"));
    quantizer.step = reader.float32("the step of a value");
    try {
        validate(quantizer);
    } catch (const Error& error) {
        fail("{}: {}", reader.where(), error.what());
    }
    return quantizer;
}

std::vector<std::uint8_t> write_activations(const Graph& graph) {
    ByteWriter writer;
    writer.varint(graph.activations().size());
    std::size_t written = 0;
    const std::vector<ValueId> order = stored_order(graph);
    for (std::size_t number = 0; number < order.size(); ++number) {
        const auto found = graph.activations().find(order[number]);
        if (found == graph.activations().end()) continue;
        writer.varint(number);
        write_quantizer(writer, found->second);
        ++written;
    }
    if (written != graph.activations().size()) fail("A value that has a quantizer is the output of no node.");
    return std::move(writer).take();
}

void read_activations(ByteReader& reader, Graph& graph) {
    const std::size_t count = reader.count("the number of rounded values");
    std::int64_t last = -1;
    for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t value =
            reader.at_most(static_cast<std::int64_t>(graph.value_count()) - 1, "a rounded value");
        if (value <= last) fail("{}: rounded value {} follows {}", reader.where(), value, last);
        last = value;
        const ActivationQuantizer quantizer = read_quantizer(reader);
        try {
            graph.quantize_activation(static_cast<ValueId>(value), quantizer);
        } catch (const Error& error) {
            fail("{}: {}", reader.where(), error.what());
        }
    }
    reader.expect_end();
}

}  // namespace eigenbit::internal
