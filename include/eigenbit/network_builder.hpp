#pragma once

#include "model.hpp"

#include <cstdint>
#include <memory>
#include <string>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// A value of the network that is being built: the input, or what a layer outputs.
struct Value {
    std::int32_t id = 0;  ///< the builder's own
};

/// A convolution: square kernels, equal padding on all sides.
struct Convolution {
    std::int64_t filters = 1;   ///< channels of its output
    std::int64_t size = 1;      ///< of the kernel's sides
    std::int64_t stride = 1;    ///< pixels from one place of the kernel to the next
    std::int64_t padding = -1;  ///< zeros on each side; -1: size / 2, so that stride 1 keeps the image's size
    std::int64_t groups = 1;    ///< into which channels are divided
    bool bias = false;          ///< whether an output channel has one; normalizations after it make it idle
};

/// Puts a network together layer by layer. Shapes are checked as it grows: every function throws Error, naming the
/// layer, where they do not fit. Weights are normal with variance 2 / (inputs of an output), He et al. 2015; biases
/// are 0; the same seed gives the same weights. Layers are called "conv1", "add2" … in the order in which they come.
class NetworkBuilder {
  public:
    /// For images (height, width, channels).
    explicit NetworkBuilder(const Extents& image, std::uint64_t seed = 0);
    /// Goes on from what a network outputs first; its layers keep their names and weights.
    explicit NetworkBuilder(const Model& base, std::uint64_t seed = 0);
    NetworkBuilder(NetworkBuilder&& other) noexcept;
    NetworkBuilder& operator=(NetworkBuilder&& other) noexcept;
    ~NetworkBuilder();

    /// The images, (N, height, width, channels).
    Value input() const;
    /// What the network outputs from which it goes on; the input where there is none.
    Value base() const;
    /// For one image: (1, height, width, channels) or (1, channels).
    Extents shape(Value value) const;

    /// (N, height, width, channels) → (N, height', width', filters)
    Value conv(Value x, const Convolution& convolution);
    /// Normalizes channels by the batch's statistics in training, by running ones otherwise; keeps the shape.
    Value batch_norm(Value x);
    /// max(x, 0); keeps the shape.
    Value relu(Value x);
    /// The greatest of size × size pixels, at every stride-th place, without padding.
    Value max_pool(Value x, std::int64_t size, std::int64_t stride);
    /// The sum of two values of one shape.
    Value add(Value a, Value b);
    /// (N, height, width, channels) → (N, channels)
    Value global_average_pool(Value x);
    /// (N, height, width, channels) → (N, height · width · channels); what has two extents stays as it is.
    Value flatten(Value x);
    /// (N, channels) → (N, outputs), with a bias.
    Value linear(Value x, std::int64_t outputs);

    /// The network that outputs this value, without layers that it does not need. It prepares images as the one does
    /// from which it goes on. The builder is of no more use.
    Model build(Value output);

  private:
    struct State;

    template <typename Add>
    Value add_layer(const char* kind, const Add& add);

    std::unique_ptr<State> state_;
};

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
