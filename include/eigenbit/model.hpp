#pragma once

#include "error.hpp"
#include "session.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Reads a JPEG, PNG or BMP file, turned upright. Throws Error naming the file.
Image read_image(const std::string& file);

/// A network with its weights, how images become its input, and what its outputs stand for: what is trained, compressed
/// and saved. Copies are networks of their own. Threads may read one together; who changes one has it alone.
class Model {
  public:
    /// Reads an ONNX file, an .ebit file, or a checkpoint of training. Throws Error naming the file.
    static Model load(const std::string& file);
    /// A published network, such as "resnet20", with random weights, for images (height, width, channels). Throws
    /// Error, listing the names there are, when the name is unknown, and where images do not fit the network.
    static Model zoo(const std::string& name, const Extents& image, std::int64_t classes, std::uint64_t seed = 0);

    Model(const Model& other);
    Model(Model&& other) noexcept;
    Model& operator=(const Model& other);
    Model& operator=(Model&& other) noexcept;
    ~Model();

    /// Writes an .ebit file, or, as its extension says, an ONNX file: whole or not at all. Throws Error naming the
    /// file.
    void save(const std::string& file) const;
    /// The bytes of its .ebit file.
    std::vector<std::byte> pack() const;
    /// What a Session is made of.
    operator PackedModel() const { return PackedModel(pack()); }

    /// (N, height, width, channels) of the first input; 0 stands for any.
    Extents input_shape() const;
    /// Names of a classifier's classes; empty where they are not known.
    std::vector<std::string> classes() const;
    /// Elements of all weights, biases and statistics.
    std::int64_t parameter_count() const;
    /// Whether weights are quantized.
    bool is_compressed() const;
    /// Of a compressed network, over the weights of the layers it was made of, with all side information; else 0.
    double bits_per_weight() const;

    struct State;  ///< the library's own
    explicit Model(std::unique_ptr<State> state);
    State& state() { return *state_; }
    const State& state() const { return *state_; }

  private:
    std::unique_ptr<State> state_;
};

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
