#pragma once

#include "eigenbit.h"
#include "error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The C++ interface of libeigenbit, which runs packed networks: eigenbit.h with values that own what they name and
// errors as exceptions. Header only, so that any compiler can use the library.

namespace eigenbit {
inline namespace v1 {

namespace detail {

inline void check(bool succeeded) {
    if (!succeeded) throw Error(eigenbit_last_error());
}

inline void check(eigenbit_status status) {
    if (status == EIGENBIT_CANCELLED) throw Cancelled(eigenbit_last_error());
    check(status == EIGENBIT_OK);
}

/// The callbacks of one call, as C takes them. What they throw, which must not pass through C, is thrown after it.
class Callbacks {
  public:
    Callbacks(const Log& log, const Parallel& parallel) : log_(log), parallel_(parallel) {}

    template <typename Options>
    void tell(Options& options) {
        if (log_) {
            options.log = [](void* user, const char* sentence) {
                static_cast<Callbacks*>(user)->guarded([&](Callbacks& own) { own.log_(sentence); });
            };
            options.log_user = this;
        }
        if constexpr (requires { options.parallel; }) {
            if (parallel_) {
                options.parallel = [](void* user, std::int32_t count, void (*work)(void*, std::int32_t),
                                      void* argument) {
                    static_cast<Callbacks*>(user)->guarded(
                        [&](Callbacks& own) { own.parallel_(count, [=](int i) { work(argument, i); }); });
                };
                options.parallel_user = this;
            }
        }
    }
    void check() {
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

  private:
    template <typename Call>
    void guarded(const Call& call) noexcept {
        try {
            call(*this);
        } catch (...) {
            error_ = std::current_exception();
        }
    }

    Log log_;
    Parallel parallel_;
    std::exception_ptr error_{};
};

inline Extents extents_of(const eigenbit_shape& shape) { return {shape.extents, shape.extents + shape.rank}; }

inline eigenbit_shape shape_of(const Extents& extents) {
    if (extents.size() > EIGENBIT_MAX_RANK) throw Error("A shape has more extents than any tensor.");
    eigenbit_shape shape{static_cast<std::int32_t>(extents.size()), {}};
    for (std::size_t i = 0; i < extents.size(); ++i) shape.extents[i] = extents[i];
    return shape;
}

}  // namespace detail

/// Of the library, such as "0.1.0".
inline std::string version() { return eigenbit_version(); }

/// The instruction sets that the library was built with and this computer has, the fastest first.
inline std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (std::size_t i = 0; eigenbit_cpu_name(i) != nullptr; ++i) {
        if (eigenbit_cpu_is_supported(i) != 0) names.emplace_back(eigenbit_cpu_name(i));
    }
    return names;
}

/// Limits for files that are not trusted, where 0 stands for none, and who hears warnings.
struct ModelOptions {
    std::int64_t most_bytes = 0;     ///< of the file
    std::int64_t most_elements = 0;  ///< of all weights, biases and constants together
    std::int64_t most_nodes = 0;     ///< of the network
    Log log = {};                    ///< hears warnings while the model is opened
};

/// A network as its file holds it. Cheap to copy: copies share it. Any number of threads may read it.
class PackedModel {
  public:
    /// Reads an .ebit file. Throws Error when it cannot be read, is damaged or beyond a limit.
    explicit PackedModel(const std::string& path, const ModelOptions& options = {})
        : model_(opened(options, [&](const auto& native) { return eigenbit_model_open(path.c_str(), &native); })) {}
    /// Reads the bytes of one, which need not stay.
    explicit PackedModel(std::span<const std::byte> bytes, const ModelOptions& options = {})
        : model_(opened(options, [&](const auto& native) {
              return eigenbit_model_open_memory(bytes.data(), bytes.size(), &native);
          })) {}
    /// Reads the bytes of one without a copy: they stay as they are until the last copy of the model is gone.
    static PackedModel borrowing(std::span<const std::byte> bytes, const ModelOptions& options = {}) {
        return PackedModel(opened(options, [&](const auto& native) {
            return eigenbit_model_open_borrowed(bytes.data(), bytes.size(), &native);
        }));
    }

    /// How many inputs it has.
    std::size_t input_count() const { return eigenbit_model_input_count(get()); }
    /// How many outputs it has.
    std::size_t output_count() const { return eigenbit_model_output_count(get()); }
    /// Throws Error when there is no such input.
    std::string input_name(std::size_t input = 0) const { return text(eigenbit_model_input_name(get(), input)); }
    /// Throws Error when there is no such output.
    std::string output_name(std::size_t output = 0) const { return text(eigenbit_model_output_name(get(), output)); }
    /// The number of the input of this name. Throws Error when there is none.
    std::size_t find_input(const std::string& name) const {
        std::size_t input = 0;
        detail::check(eigenbit_model_find_input(get(), name.c_str(), &input));
        return input;
    }
    /// The number of the output of this name. Throws Error when there is none.
    std::size_t find_output(const std::string& name) const {
        std::size_t output = 0;
        detail::check(eigenbit_model_find_output(get(), name.c_str(), &output));
        return output;
    }
    /// An extent of 0 stands for any.
    Extents input_shape(std::size_t input = 0) const {
        eigenbit_shape shape;
        detail::check(eigenbit_model_input_shape(get(), input, &shape));
        return detail::extents_of(shape);
    }
    /// None where the input has none.
    std::optional<eigenbit_quantizer> input_quantizer(std::size_t input = 0) const {
        eigenbit_quantizer quantizer;
        if (eigenbit_model_input_quantizer(get(), input, &quantizer) != EIGENBIT_OK) return std::nullopt;
        return quantizer;
    }
    /// None where the model does not say how images are prepared.
    std::optional<eigenbit_preprocessing> preprocessing() const {
        eigenbit_preprocessing preprocessing;
        if (eigenbit_model_preprocessing(get(), &preprocessing) != EIGENBIT_OK) return std::nullopt;
        return preprocessing;
    }
    /// Of a classifier; empty when the file has none.
    std::vector<std::string> classes() const {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < eigenbit_model_class_count(get()); ++i) {
            names.emplace_back(eigenbit_model_class_name(get(), i));
        }
        return names;
    }
    /// For the functions of eigenbit.h; never null.
    const eigenbit_model* get() const { return model_.get(); }

  private:
    explicit PackedModel(std::shared_ptr<eigenbit_model> model) : model_(std::move(model)) {}

    template <typename Open>
    static std::shared_ptr<eigenbit_model> opened(const ModelOptions& options, const Open& open) {
        eigenbit_model_options native{};
        native.most_bytes = options.most_bytes;
        native.most_elements = options.most_elements;
        native.most_nodes = options.most_nodes;
        detail::Callbacks callbacks(options.log, {});
        callbacks.tell(native);
        std::shared_ptr<eigenbit_model> model(open(native), eigenbit_model_close);
        callbacks.check();
        detail::check(model != nullptr);
        return model;
    }
    static std::string text(const char* found) {
        detail::check(found != nullptr);
        return found;
    }

    std::shared_ptr<eigenbit_model> model_;
};

/// 8-bit pixels (height, width, channels), grey or RGB.
struct Image {
    int height = 0;                      ///< in pixels
    int width = 0;                       ///< in pixels
    int channels = 0;                    ///< 1, grey, or 3, RGB
    std::vector<std::uint8_t> pixels{};  ///< a byte each
};

/// A class, and what a classifier outputs for it.
struct Score {
    std::size_t index = 0;  ///< counted from 0
    std::string name{};     ///< empty where the model has none
    float value = 0.0F;     ///< as the network outputs it
};

/// How to make a model ready to run.
struct SessionOptions {
    std::vector<Extents> input_shapes = {};  ///< one for each input; none: as the model declares them, with one image
    int threads = 0;                         ///< 0, or more than there are: as many as processors
    eigenbit_execution execution =
        EIGENBIT_EXECUTION_AUTO;             ///< in floats or in int8; by default int8 where all layers can
    std::int64_t most_activation_bytes = 0;  ///< 0: any
    Log log = {};                            ///< hears while the session is made
    Parallel parallel = {};                  ///< so many threads of the caller's; empty: the library's own
};

/// A model made ready for inputs of given shapes, with threads and memory of its own. One thread at a time may use it,
/// but for cancel().
class Session {
  public:
    /// Throws Error when shapes do not fit.
    explicit Session(const PackedModel& model, const SessionOptions& options = {}) : classes_(model.classes()) {
        const std::size_t given = options.input_shapes.size();
        if (given != 0 && given != model.input_count()) throw Error("There must be one shape for each input.");
        std::vector<eigenbit_shape> shapes;
        for (const Extents& extents : options.input_shapes) shapes.push_back(detail::shape_of(extents));
        eigenbit_session_options native{};
        native.input_shapes = given == 0 ? nullptr : shapes.data();
        native.threads = options.threads;
        native.execution = options.execution;
        native.most_activation_bytes = options.most_activation_bytes;
        callbacks_ = std::make_unique<detail::Callbacks>(options.log, options.parallel);
        callbacks_->tell(native);
        session_.reset(eigenbit_session_create(model.get(), &native));
        callbacks_->check();
        detail::check(session_ != nullptr);
    }

    /// Where the values of an input belong: NHWC, already normalised. Throws Error where there is no memory for them.
    std::span<float> input(std::size_t index = 0) {
        float* const values = eigenbit_session_input(get(), index);
        detail::check(values != nullptr);
        return {values, elements(input_shape(index))};
    }
    /// Fills one image of the first input from 8-bit pixels (height, width, channels), grey or RGB, prepared as the
    /// model says.
    void set_image(std::int64_t image, std::span<const std::uint8_t> pixels, int height, int width, int channels) {
        if (height < 0 || width < 0 || channels < 0
            || pixels.size()
                   != static_cast<std::size_t>(height) * static_cast<std::size_t>(width)
                          * static_cast<std::size_t>(channels)) {
            throw Error("The image's pixels are not as many as its height, width and channels say.");
        }
        detail::check(eigenbit_session_set_image(get(), image, pixels.data(), height, width, channels));
    }
    /// The same for an image.
    void set_image(std::int64_t image, const Image& pixels) {
        set_image(image, pixels.pixels, pixels.height, pixels.width, pixels.channels);
    }
    /// Fills an input, all its images, with float32 values, already normalised.
    void set_input(std::size_t index, std::span<const float> values, eigenbit_format format = EIGENBIT_FLOAT_NHWC) {
        if (format != EIGENBIT_FLOAT_NHWC && format != EIGENBIT_FLOAT_NCHW) throw Error("The format is not of floats.");
        detail::check(eigenbit_session_set_input(get(), index, format, values.data(), values.size()));
    }
    /// … with pixels, or levels of its quantizer.
    void set_input(std::size_t index, std::span<const std::uint8_t> values, eigenbit_format format) {
        if (format != EIGENBIT_PIXELS_NHWC && format != EIGENBIT_LEVELS_UINT8) {
            throw Error("The format is not of unsigned bytes.");
        }
        detail::check(eigenbit_session_set_input(get(), index, format, values.data(), values.size()));
    }
    /// … with levels of its quantizer, less 128.
    void set_input(std::size_t index, std::span<const std::int8_t> values) {
        detail::check(eigenbit_session_set_input(get(), index, EIGENBIT_LEVELS_INT8, values.data(), values.size()));
    }
    /// Computes the outputs. Throws Error when an input holds NaN or infinity, Cancelled when it was cancelled.
    void run() {
        const eigenbit_status status = eigenbit_session_run(get());
        callbacks_->check();
        detail::check(status);
    }
    /// Any thread may call it: the run under way, or the next one where there is none, ends after the layer that it
    /// computes.
    void cancel() { eigenbit_session_cancel(get()); }
    /// Valid until the next run.
    std::span<const float> output(std::size_t index = 0) const {
        return {eigenbit_session_output(get(), index), elements(output_shape(index))};
    }

    /// What a classifier, whose first output is (N, classes), made of an image in the last run, the best class first.
    std::vector<Score> scores(std::int64_t image = 0) const {
        const Extents shape = output_shape();
        if (shape.size() != 2 || image < 0 || image >= shape[0]) throw Error("There are no scores of this image.");
        const auto count = static_cast<std::size_t>(shape[1]);
        const std::span<const float> values = output().subspan(static_cast<std::size_t>(image) * count, count);
        std::vector<Score> scores;
        for (std::size_t i = 0; i < count; ++i) {
            scores.push_back({i, i < classes_.size() ? classes_[i] : std::string(), values[i]});
        }
        std::stable_sort(scores.begin(), scores.end(),
                         [](const Score& a, const Score& b) { return a.value > b.value; });
        return scores;
    }
    /// The scores of one image, which takes the first place of the batch.
    std::vector<Score> classify(const Image& image) {
        set_image(0, image);
        run();
        return scores();
    }

    /// Of an input, outermost extent first. Throws Error when there is none of the number.
    Extents input_shape(std::size_t index = 0) const {
        eigenbit_shape shape;
        detail::check(eigenbit_session_input_shape(get(), index, &shape));
        return detail::extents_of(shape);
    }
    /// Of an output, outermost extent first. Throws Error when there is none of the number.
    Extents output_shape(std::size_t index = 0) const {
        eigenbit_shape shape;
        detail::check(eigenbit_session_output_shape(get(), index, &shape));
        return detail::extents_of(shape);
    }
    /// Of packed weights, in memory that sessions of a model share.
    std::size_t weight_bytes() const { return eigenbit_session_weight_bytes(get()); }
    /// Of the session's own memory for activations.
    std::size_t activation_bytes() const { return eigenbit_session_activation_bytes(get()); }
    /// Whether it computes in int8.
    bool is_int8() const { return eigenbit_session_is_int8(get()) != 0; }

  private:
    struct Close {
        void operator()(eigenbit_session* session) const { eigenbit_session_close(session); }
    };

    static std::size_t elements(const Extents& extents) {
        std::size_t product = 1;
        for (const std::int64_t extent : extents) product *= static_cast<std::size_t>(extent);
        return product;
    }
    eigenbit_session* get() const { return session_.get(); }

    std::vector<std::string> classes_;
    std::unique_ptr<detail::Callbacks> callbacks_;  // outlives the session, which knows its place
    std::unique_ptr<eigenbit_session, Close> session_;
};

}  // namespace v1
}  // namespace eigenbit
