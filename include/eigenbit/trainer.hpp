#pragma once

#include "arrays.hpp"
#include "dataset.hpp"
#include "model.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Training by a loop and a loss of one's own; train() has those that are usual.

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Examples as a network takes them.
struct Batch {
    Array images{};             ///< (N, height, width, channels), prepared
    std::vector<int> labels{};  ///< one for each; none of images to restore
    Array targets{};            ///< true images, prepared alike; empty where there are labels
};

/// How data become batches.
struct BatchOptions {
    int batch = 128;         ///< images; 1 where images differ in size
    bool shuffle = true;     ///< another order in each epoch
    bool augment = false;    ///< crop and mirror at random as the data set allows
    std::uint64_t seed = 0;  ///< of the orders and of what is cropped and mirrored
};

/// The batches of one epoch after the other, which idle threads prepare beforehand. What they hold depends on seed and
/// epoch alone. One thread at a time may use it.
class Batches {
  public:
    /// Throws Error where the data do not fit the network.
    Batches(const Dataset& data, const Model& model, const BatchOptions& options = {});
    Batches(Batches&& other) noexcept;
    Batches& operator=(Batches&& other) noexcept;
    ~Batches();

    /// In an epoch; what is left over, fewer images than a batch, is left out.
    std::int64_t count() const;
    /// Begins an epoch, dropping what is left of the one before.
    void start(int epoch);
    /// None at the end of the epoch. Throws Error naming the file when an image cannot be read.
    std::optional<Batch> next();

  private:
    struct State;

    std::unique_ptr<State> state_;
};

/// How a step moves parameters.
struct TrainerOptions {
    double momentum = 0.9;              ///< share of the step before that a step goes on with
    bool nesterov = false;              ///< Nesterov's momentum
    double weight_decay = 1e-4;         ///< of layers' weights
    std::vector<std::string> frozen{};  ///< layers whose parameters stay as they are
    std::uint64_t seed = 0;             ///< of what dropout draws

    // Of compressed networks alone.
    double learning_rate = 0.01;  ///< the highest that step is called with
    double level_rate = 0.001;    ///< how far a step then pushes the mean weight at 1 bit, in steps of its quantizer
    double step_rate = 0.0;       ///< how far it pushes the mean quantizer's step, in eighths of octaves
};

/// A network in training: what it outputs for a batch, gradients of its parameters, and steps along them by stochastic
/// gradient descent with momentum. One thread at a time may use it.
class Trainer {
  public:
    /// Of a copy of the network. Throws Error where there is no layer of a frozen one's name, or it is compressed.
    explicit Trainer(const Model& model, const TrainerOptions& options = {});
    Trainer(Trainer&& other) noexcept;
    Trainer& operator=(Trainer&& other) noexcept;
    ~Trainer();

    /// The first output for a batch for the only input, with batch statistics and dropout. Throws Error where its shape
    /// does not fit.
    Array forward(const Array& batch);
    /// Gradients of all parameters that are trained, after forward, for that of a loss with respect to each element of
    /// the output. Throws Error where there are not as many.
    void backward(std::span<const float> output_gradient);
    /// Moves parameters against their gradients, after backward, and running statistics towards the batch's.
    void step(double learning_rate);

    /// Names of the parameters that are trained, such as "conv1.weight".
    std::vector<std::string> parameters() const;
    /// The values of a parameter that is no quantized one, which may be changed between steps: of a convolution
    /// (outputs, height, width, inputs of a group). Throws Error when there is none of this name.
    std::span<float> values(const std::string& parameter);
    /// Its gradient, in the same order, after backward. Throws Error where the parameter is not trained.
    Array gradient(const std::string& parameter) const;

    /// The network as it is now.
    Model model() const;

  private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
