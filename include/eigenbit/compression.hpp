#pragma once

#include "dataset.hpp"
#include "evaluation.hpp"
#include "model.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// How the distortion of a quantizer is found.
enum class DistortionCurves {
    hybrid,        ///< predicted from gradients, and measured where that is otherwise
    second_order,  ///< predicted
    exact          ///< measured
};

/// For each activation the depth that is best by the trade-off of the weights.
inline constexpr int kAutomaticBits = -1;

/// What compression is to meet, one of the first four, and how.
struct CompressionOptions {
    double rate = 0.0;            ///< bits a weight, side information included
    std::int64_t file_bytes = 0;  ///< the finest network whose file is not larger
    double max_drop = 0.0;        ///< the coarsest that loses no more points of top-1 accuracy, or dB, on `validation`
    double lambda = 0.0;          ///< the trade-off of distortion against bits

    const Dataset* validation = nullptr;  ///< data that compressed networks are measured on; null: they are not
    std::string transform =
        "auto";                  ///< none, klt, elt, dct1, dct2, intra-klt, intra-elt, or auto: the cheapest by layer
    std::string axis = "auto";   ///< what it mixes: row, column, both, channels or auto
    int activation_bits = 0;     ///< of activations that layers or averages read, 1 to 16, or kAutomaticBits; 0: float
    std::int64_t images = 1024;  ///< of the data, to compress with; labels are not used
    bool entropy_coding = true;  ///< else levels are of fixed depths
    std::uint64_t seed = 0;      ///< of all that is drawn at random
    int threads = 0;             ///< 0: as many as processors; the result does not depend on it
    /// Told what is being done and the share of it that is done, 0 … 1, by any thread.
    std::function<void(std::string_view what, double done)> on_progress{};
    Log log{};  ///< hears warnings of the calling thread

    DistortionCurves curves = DistortionCurves::hybrid;  ///< how distortion is found
    int blocks = 9;                ///< of a layer, at most, that have a depth and step of their own
    bool error_feedback = true;    ///< weights make up for the errors of those rounded before them
    bool correction = true;        ///< biases and statistics of normalizations move by what compression changes
    bool plain_quantizer = false;  ///< neither dead zones nor levels beside the multiples of a step
};

/// A compressed copy of a network. Throws Error where the target cannot be met.
Model compress(const Model& model, const Dataset& data, const CompressionOptions& options);

/// The two parts of a transform's coding gain on a layer, which add up to it.
struct TransformGain {
    std::string transform;      ///< such as "elt row"
    double gradients_db = 0.0;  ///< by the gradients' second moments
    double weights_db = 0.0;    ///< by the weights'
};

/// What became of a layer.
struct CompressedLayer {
    std::string name;                               ///< of the layer
    std::string transform;                          ///< "none", "elt row" …
    double bits_per_weight = 0.0;                   ///< with bases and side information, over the original weights
    double distortion = 0.0;                        ///< predicted, of an output element
    std::int64_t weights = 0;                       ///< of the original layer
    std::int64_t rows = 0;                          ///< of the kernel
    std::int64_t nonzero_rows = 0;                  ///< of these, those that are not all zero
    std::vector<double> kernel_bits{};              ///< a level, of each block of the kernel
    std::vector<std::vector<double>> basis_bits{};  ///< likewise, of each basis that is stored
    std::vector<int> activation_bits{};             ///< depths of its rounded inputs
    std::vector<TransformGain> gains{};             ///< of each transform that was tried
};

/// A network at one rate, and what it was measured to do.
struct CompressedNetwork {
    std::string transform;              ///< the name that it was asked for by
    double rate = 0.0;                  ///< that was asked for; 0 for other targets
    Model model;                        ///< the compressed network
    double bits_per_weight = 0.0;       ///< over the weights of the original layers, with all side information
    std::int64_t file_bytes = 0;        ///< of its .ebit file
    double lambda = 0.0;                ///< the trade-off of distortion against bits at which it lies
    double predicted_distortion = 0.0;  ///< mean squared change of an output element
    double measured_distortion = 0.0;   ///< the same on calibration images
    std::optional<double> bits_per_activation{};  ///< where activations are rounded
    std::optional<double> bits_per_value{};       ///< of weights and one image's rounded activations together
    std::optional<Evaluation> quality{};          ///< on validation data
    double drop = 0.0;                            ///< points of top-1 accuracy, or dB, that it lost
    std::vector<CompressedLayer> layers{};        ///< in the order in which they run
};

/// What a report says of where it came from. Empty texts are left out.
struct ReportNotes {
    std::string model{};           ///< file name of the float network
    std::int64_t float_bytes = 0;  ///< of its file
    std::string data{};            ///< what the networks were compressed for and measured on
    std::string machine{};         ///< that did it
    std::string version{};         ///< of the program
};

/// Compresses a network to several rates, by several transforms, with statistics computed once. One thread at a time
/// may use it.
class Compressor {
  public:
    /// Reads the images and measures the float network on validation data. `transforms` are names like those of
    /// options.transform, which is not used. Throws Error where options, data and network do not fit. The data sets
    /// need not outlive it.
    Compressor(const Model& model, const Dataset& data, const std::vector<std::string>& transforms,
               const CompressionOptions& options);
    Compressor(Compressor&& other) noexcept;
    Compressor& operator=(Compressor&& other) noexcept;
    ~Compressor();

    /// To compress with.
    std::int64_t images() const;
    /// None without validation data.
    std::optional<Evaluation> float_quality() const;

    /// Calls visit with each network as soon as it is there, transform by transform: one at each rate or, where there
    /// are none, one that meets the options' target. Throws Error where a target cannot be met.
    void compress(const std::vector<double>& rates, const std::function<void(CompressedNetwork)>& visit);

    /// A page of HTML about all networks so far, its layers and bytes those of the last, whole or not at all. Throws
    /// Error naming the file.
    void write_report(const std::string& file, const ReportNotes& notes) const;
    /// A plot of quality against rate as SVG, whole or not at all. Throws Error naming the file, and without validation
    /// data.
    void write_plot(const std::string& file, const ReportNotes& notes) const;

  private:
    struct State;

    std::unique_ptr<State> state_;
};

/// How many activations got a quantizer, from how many examples.
struct AddedQuantizers {
    std::int64_t activations = 0;  ///< that got one; 0 where none was missing
    std::int64_t images = 0;       ///< that they were chosen for
};

/// Where layers read activations without a quantizer, gives all candidates that have none one of 8 bits, chosen for
/// some examples of the data. Throws Error where the data do not fit the network.
AddedQuantizers add_quantizers(Model& model, const Dataset& data, std::uint64_t seed = 0);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
