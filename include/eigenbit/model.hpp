#pragma once

#include "error.hpp"
#include "session.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
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

class Dataset;

/// Reads a JPEG, PNG or BMP file, turned upright. Throws Error naming the file.
Image read_image(const std::string& file);
/// Writes a PNG file, whole or not at all. Throws Error naming the file.
void write_png(const std::string& file, const Image& image);

/// Pixels; 0: not given.
struct ImageSize {
    std::int64_t height = 0;  ///< of an image
    std::int64_t width = 0;   ///< of an image

    /// Whether it says anything.
    bool is_given() const { return height != 0; }
};

/// Of "224x320" (height and width), or of "224" for both; none of other texts.
std::optional<ImageSize> parse_image_size(std::string_view text);

/// How to read a network's file.
struct LoadOptions {
    /// The network outputs what is to be subtracted from its input, as DnCNN does: the subtraction becomes a part of
    /// it.
    bool residual = false;
    ImageSize size{};                  ///< of images, where the network leaves it open
    std::string data{};                ///< a data specification, whose size= stands for `size` where that is not given
    std::vector<std::string> until{};  ///< values or nodes at which an ONNX file is to end; none: all of it
};

/// How the levels of quantized weights lie in an .ebit file.
enum class LevelStorage {
    entropy,  ///< as small as can be
    fixed     ///< of fixed depths, as they run: they may be mapped
};

/// How to write a network's file.
struct SaveOptions {
    std::optional<LevelStorage> storage{};  ///< of an .ebit file; none: as the network was read or compressed
    int opset = 13;                         ///< of an ONNX file: 13, or 21, which has levels of 4 and of 16 bits
    bool flat = false;                      ///< weights of an ONNX file are floats, not levels with bases
};

/// How an image comes to the height and width that a network takes.
enum class Fit {
    crop,      ///< its shorter side is resized, and the centre cropped
    cover,     ///< it is resized to cover them, and the centre cropped
    stretch,   ///< it is resized to them, whatever becomes of its proportions
    letterbox  ///< it is resized to lie within them, in the middle of an image of the mean colour
};

/// How an 8-bit image becomes a network's input: fitted to its size, then (value / 255 − mean) / std by channel.
struct Preprocessing {
    int channels = 3;           ///< 1, grey, or 3
    bool is_bgr = false;        ///< the network sees blue, green, red instead of red, green, blue
    int resize = 0;             ///< pixels of the shorter side before Fit::crop; 0: as it is
    int height = 0;             ///< of what the network sees; 0: any
    int width = 0;              ///< likewise
    Fit fit = Fit::crop;        ///< how an image comes to that size
    std::vector<float> mean{};  ///< one, or one for each channel in the order in which the network sees them
    std::vector<float> std{};   ///< likewise
};

/// "RGB, mean 0.5, std 0.25, centre 32x32 cropped"
std::string describe(const Preprocessing& preprocessing);

/// What became of a file of weights, by names.
struct TakenWeights {
    std::vector<std::string> taken{};   ///< parameters that have the file's values now
    std::vector<std::string> kept{};    ///< parameters that the file does not have
    std::vector<std::string> unused{};  ///< arrays that the network does not have
    std::vector<std::string> unfit{};   ///< sentences about arrays of another shape than the parameter of their name
};

/// A convolution or fully-connected layer that int8 execution computes in floats.
struct FloatLayer {
    std::string name;    ///< of the node
    std::string reason;  ///< such as "its input has no quantizer"
};

/// A network with its weights, how images become its input, and what its outputs stand for: what is trained, compressed
/// and saved. Copies are networks of their own. Threads may read one together; who changes one has it alone.
class Model {
  public:
    /// Reads an ONNX file, an .ebit file, or a checkpoint of training: of that the network that validated best, or else
    /// the last one. Throws Error naming the file.
    static Model load(const std::string& file, const LoadOptions& options = {});
    /// A published network, such as "resnet20", with random weights, for images (height, width, channels). Throws
    /// Error, listing the names there are, when the name is unknown, and where images do not fit the network.
    static Model zoo(const std::string& name, const Extents& image, std::int64_t classes, std::uint64_t seed = 0);
    /// Names that zoo() knows.
    static std::vector<std::string> zoo_names();

    Model(const Model& other);
    Model(Model&& other) noexcept;
    Model& operator=(const Model& other);
    Model& operator=(Model&& other) noexcept;
    ~Model();

    /// Writes, as its extension says, an .ebit file, an ONNX file, or weights alone (.npz, .safetensors): whole or not
    /// at all. Throws Error naming the file.
    void save(const std::string& file, const SaveOptions& options = {}) const;
    /// The bytes of its .ebit file.
    std::vector<std::byte> pack() const;
    /// What a Session is made of.
    operator PackedModel() const { return PackedModel(pack()); }

    /// How many inputs it has.
    std::size_t input_count() const;
    /// How many outputs it has.
    std::size_t output_count() const;
    /// Throw Error when there is no such input or output.
    std::string input_name(std::size_t input = 0) const;
    /// Throws Error when there is no such output.
    std::string output_name(std::size_t output = 0) const;
    /// (N, height, width, channels) where it takes images; 0 stands for any. Throws Error when there is no such input.
    Extents input_shape(std::size_t input = 0) const;
    /// None where it is not known.
    std::optional<Preprocessing> preprocessing() const;
    /// Names of a classifier's classes; empty where they are not known.
    std::vector<std::string> classes() const;
    /// How many classes the first output tells apart; 0 where it is no (N, classes).
    std::int64_t class_count() const;
    /// Throws Error where there are not as many names as classes.
    void set_classes(std::vector<std::string> names);
    /// Takes preprocessing and names of classes, where the network has none, from data whose classes are as many.
    void describe_by(const Dataset& data);
    /// Notes that its file carries, by name: how it was compressed.
    std::map<std::string, std::string> notes() const;

    /// Names of all layers, with weights or without, in the order in which they run.
    std::vector<std::string> layers() const;
    /// Ends the network at this layer, or value, which becomes its only output; its classes are forgotten. Throws Error
    /// when there is none of the name.
    void cut(const std::string& layer);
    /// Puts a fully-connected layer with random weights, to tell so many classes apart, in the place of the last layer
    /// with weights and all that follows it; an average over the image goes before it where there is one. Names of
    /// classes are forgotten.
    void replace_head(std::int64_t classes, std::uint64_t seed = 0);

    /// Gives parameters that are not quantized the values of arrays of the same name in a .npz or .safetensors file, in
    /// PyTorch's order of axes. Warns of what did not match. Throws Error naming the file, where no name is the same
    /// too.
    TakenWeights take_weights(const std::string& file);

    /// Elements of all weights, biases and statistics.
    std::int64_t parameter_count() const;
    /// Whether weights are quantized.
    bool is_compressed() const;
    /// Of a compressed network, over the weights of the layers it was made of, with all side information; else 0.
    double bits_per_weight() const;
    /// None where it was neither compressed nor read from an .ebit file.
    std::optional<LevelStorage> storage() const;
    /// Whether int8 execution finds a quantizer of up to 8 bits for what each layer reads, where that can have one.
    bool runs_in_int8() const;
    /// The layers that int8 execution computes in floats, each with the reason.
    std::vector<FloatLayer> float_layers() const;

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
