#include "include/eigenbit/network_builder.hpp"

#include "api/cpp/state.h"
#include "engine/zoo/network_builder.h"

#include <map>
#include <string>
#include <utility>

namespace eigenbit {
inline namespace v1 {

struct NetworkBuilder::State {
    internal::NetworkBuilder builder;
    std::map<std::string, int> count{};  // of the layers of each kind so far
};

NetworkBuilder::NetworkBuilder(const Extents& image, std::uint64_t seed)
    : state_(
        translated([&] { return std::make_unique<State>(State{internal::NetworkBuilder(shape_of(image), seed)}); })) {}
NetworkBuilder::NetworkBuilder(NetworkBuilder&& other) noexcept = default;
NetworkBuilder& NetworkBuilder::operator=(NetworkBuilder&& other) noexcept = default;
NetworkBuilder::~NetworkBuilder() = default;

/// Adds what add(builder, name) adds, under a name of its own.
template <typename Add>
Value NetworkBuilder::add_layer(const char* kind, const Add& add) {
    return translated([&] {
        if (!state_) internal::fail("The network is built already.");
        return Value{add(state_->builder, internal::formatted("{}{}", kind, ++state_->count[kind]))};
    });
}

Value NetworkBuilder::input() const { return {state_->builder.input()}; }

Extents NetworkBuilder::shape(Value value) const { return extents_of(state_->builder.shape(value.id)); }

Value NetworkBuilder::conv(Value x, const Convolution& convolution) {
    return add_layer("conv", [&](internal::NetworkBuilder& builder, const std::string& name) {
        const std::int64_t channels = builder.shape(x.id).back();
        const Convolution& c = convolution;
        if (c.filters < 1 || c.size < 1 || c.stride < 1 || c.padding < -1 || c.groups < 1 || channels % c.groups != 0
            || c.filters % c.groups != 0) {
            internal::fail(
                "Layer '{}' has {} filters of size {}, stride {}, padding {} and {} groups, which cannot be for "
                "{} channels.",
                name, c.filters, c.size, c.stride, c.padding, c.groups, channels);
        }
        return builder.conv(name, x.id,
                            {.outputs = c.filters,
                             .kernel = c.size,
                             .stride = c.stride,
                             .padding = c.padding < 0 ? c.size / 2 : c.padding,
                             .groups = c.groups,
                             .bias = c.bias});
    });
}

Value NetworkBuilder::batch_norm(Value x) {
    return add_layer("batch_norm", [&](internal::NetworkBuilder& builder, const std::string& name) {
        return builder.batch_normalization(name, x.id);
    });
}

Value NetworkBuilder::relu(Value x) {
    return add_layer(
        "relu", [&](internal::NetworkBuilder& builder, const std::string& name) { return builder.relu(name, x.id); });
}

Value NetworkBuilder::max_pool(Value x, std::int64_t size, std::int64_t stride) {
    return add_layer("max_pool", [&](internal::NetworkBuilder& builder, const std::string& name) {
        return builder.max_pool(name, x.id, size, stride);
    });
}

Value NetworkBuilder::add(Value a, Value b) {
    return add_layer("add", [&](internal::NetworkBuilder& builder, const std::string& name) {
        return builder.add(name, a.id, b.id);
    });
}

Value NetworkBuilder::global_average_pool(Value x) {
    return add_layer("pool", [&](internal::NetworkBuilder& builder, const std::string& name) {
        return builder.global_average_pool(name, x.id);
    });
}

Value NetworkBuilder::flatten(Value x) {
    if (state_ && state_->builder.shape(x.id).rank() == 2) return x;
    return add_layer("flatten", [&](internal::NetworkBuilder& builder, const std::string& name) {
        return builder.flatten(name, x.id);
    });
}

Value NetworkBuilder::linear(Value x, std::int64_t outputs) {
    return add_layer("linear", [&](internal::NetworkBuilder& builder, const std::string& name) {
        if (outputs < 1) internal::fail("Layer '{}' has {} outputs, expected 1 or more.", name, outputs);
        return builder.linear(name, x.id, outputs);
    });
}

Model NetworkBuilder::build(Value output) {
    return translated([&] {
        if (!state_) internal::fail("The network is built already.");
        const std::unique_ptr<State> state = std::move(state_);
        internal::Graph graph = std::move(state->builder).finish(output.id);
        graph.remove_unused_nodes();
        return Model(std::make_unique<Model::State>(Model::State{{std::move(graph), {}, {}, {}}}));
    });
}

}  // namespace v1
}  // namespace eigenbit
