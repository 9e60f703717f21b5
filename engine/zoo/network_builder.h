#pragma once

#include "engine/graph/graph.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// What a convolution of a published network is described by: square kernels, equal padding on all sides.
struct ConvSize {
    std::int64_t outputs = 1;
    std::int64_t kernel = 1;
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    std::int64_t groups = 1;
    bool bias = false;
};

/// Puts a network together layer by layer: counts input channels from shapes and draws the weights.
///
/// Weights are normal with variance 2 / (inputs of one output), He et al. 2015 (Delving deep into rectifiers, eq. 10);
/// biases are 0. The same seed gives the same weights.
class NetworkBuilder {
  public:
    /// `image` is (H, W, C).
    NetworkBuilder(const Shape& image, std::uint64_t seed);
    /// Goes on from a graph without outputs, for inputs of these shapes.
    NetworkBuilder(Graph graph, std::span<const Shape> inputs, std::uint64_t seed);

    ValueId input() const { return graph_.inputs().front().value; }
    /// For one image: (1, H, W, C) or (1, C).
    const Shape& shape(ValueId value) const { return shapes_[static_cast<std::size_t>(value)]; }

    ValueId conv(const std::string& name, ValueId x, const ConvSize& size);
    /// Scale 1, bias 0, running mean 0 and variance 1.
    ValueId batch_normalization(const std::string& name, ValueId x);
    ValueId relu(const std::string& name, ValueId x);
    ValueId max_pool(const std::string& name, ValueId x, std::int64_t kernel, std::int64_t stride);
    ValueId add(const std::string& name, ValueId a, ValueId b);
    /// (N, H, W, C) → (N, C)
    ValueId global_average_pool(const std::string& name, ValueId x);
    /// (N, 1, 1, C) → (N, C)
    ValueId flatten(const std::string& name, ValueId x);
    ValueId linear(const std::string& name, ValueId x, std::int64_t outputs);
    /// Any operator with one output.
    ValueId node(const std::string& name, Operator op, std::vector<ValueId> inputs);

    /// The network that outputs this value.
    Graph finish(ValueId output) &&;

  private:
    ValueId parameter(std::string name, Tensor values);
    ValueId weight(std::string name, const Shape& shape);
    ValueId constant(std::string name, std::int64_t elements, float value);

    Graph graph_;
    std::vector<Shape> shapes_;  // by ValueId
    std::uint64_t seed_;
};

}  // namespace eigenbit::internal
