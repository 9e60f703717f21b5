#include "include/eigenbit/network_builder.hpp"

#include "api/cpp/state.h"
#include "api/image_size.h"
#include "engine/passes/part.h"
#include "engine/zoo/network_builder.h"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace eigenbit {
inline namespace v1 {

struct NetworkBuilder::State {
    internal::NetworkBuilder builder;
    internal::ValueId base;
    Model::State described{};            // the base without its network
    std::set<std::string> names{};       // of its layers
    std::map<std::string, int> count{};  // of the layers of each kind so far
};

NetworkBuilder::NetworkBuilder(const Extents& image, std::uint64_t seed)
    : state_(translated([&] {
          internal::NetworkBuilder builder(shape_of(image), seed);
          const internal::ValueId input = builder.input();
          return std::make_unique<State>(State{std::move(builder), input});
      })) {}
NetworkBuilder::NetworkBuilder(const Model& base, std::uint64_t seed)
    : state_(translated([&] {
          const Model::State& from = base.state();
          const internal::Graph& graph = from.model.graph;
          internal::GraphPart part = internal::part_up_to(graph, graph.outputs().front());
          State state{
              internal::NetworkBuilder(std::move(part.graph), internal::input_shapes(graph, 1, from.size), seed),
              part.value,
              {{{}, from.model.preprocessing, {}, {}}, from.storage, from.size}};
          for (const internal::Node& node : graph.nodes()) state.names.insert(node.name);
          return std::make_unique<State>(std::move(state));
      })) {}
NetworkBuilder::NetworkBuilder(NetworkBuilder&& other) noexcept = default;
NetworkBuilder& NetworkBuilder::operator=(NetworkBuilder&& other) noexcept = default;
NetworkBuilder::~NetworkBuilder() = default;

/// Adds what add(builder, name) adds, under a name of its own.
template <typename Add>
Value NetworkBuilder::add_layer(const char* kind, const Add& add) {
    return translated([&] {
        if (!state_) internal::fail("The network is built already.");
        std::string name;
        do name = internal::formatted("{}{}", kind, ++state_->count[kind]);
        while (state_->names.contains(name));
        return Value{add(state_->builder, name)};
    });
}

Value NetworkBuilder::input() const { return {state_->builder.input()}; }

Value NetworkBuilder::base() const { return {state_->base}; }

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
        state->described.model.graph = std::move(graph);
        return Model(std::make_unique<Model::State>(std::move(state->described)));
    });
}

}  // namespace v1
}  // namespace eigenbit
