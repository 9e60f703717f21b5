#pragma once

#include "arrays.hpp"
#include "evaluation.hpp"
#include "model.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// What the numbers of a network's first output stand for.
enum class OutputKind {
    scores,         ///< one for each class, of which a softmax makes shares; logarithms of probabilities too
    probabilities,  ///< one for each class, made by the network's own softmax
    probability,    ///< of the one thing that the network tells, made by a sigmoid
    labels,         ///< probabilities of labels that each hold or not, made by sigmoids
    image,          ///< of the input's channels and size, or a multiple of the size
    values          ///< anything else
};

/// A class or label, and its share or probability, 0 … 1.
struct Share {
    std::size_t index = 0;  ///< counted from 0
    std::string name{};     ///< empty where the network has none
    double value = 0.0;     ///< of 1
};

/// What a network makes of an image.
struct Prediction {
    OutputKind kind = OutputKind::values;  ///< what the first output stands for
    std::vector<Share> shares{};           ///< the greatest first; none of images and values
    std::optional<Image> image{};          ///< restored
    std::vector<Array> outputs{};          ///< all, as the network gives them
};

/// Runs a network on images and arrays of any size that it takes. One thread at a time may use it. Session, which runs
/// packed networks, is faster to make and to fill.
class Predictor {
  public:
    /// Throws Error where int8 is asked for and layers lack quantizers.
    explicit Predictor(const Model& model, Arithmetic arithmetic = Arithmetic::floats);
    Predictor(Predictor&& other) noexcept;
    Predictor& operator=(Predictor&& other) noexcept;
    ~Predictor();

    /// Prepares an image for predict and tells what its prediction will be. Throws Error, naming the image, where it
    /// cannot be read, does not fit, or the network does not say how to prepare it.
    OutputKind set_image(const std::string& file);
    /// The same for 8-bit pixels; `name` is what errors call them.
    OutputKind set_image(const Image& image, const std::string& name = "the image");
    /// For the image. Throws Error where the outputs are no numbers.
    Prediction predict();

    /// All outputs for an array for each input, in the network's order: images may lie as NCHW, as in ONNX files, and
    /// so do then the outputs, or as the network has them, and one example may lack the axis of the batch. Throws
    /// Error, beginning with the array's name, where one does not fit.
    std::vector<Array> run(std::span<const Array> inputs) const;

    /// Of what runs the image, in bytes of memory; 0 where it is simulated.
    std::int64_t weight_bytes() const;
    /// Bytes of the arena that holds all activations; 0 where it is simulated.
    std::int64_t activation_bytes() const;

  private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
