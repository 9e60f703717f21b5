#pragma once

#include "eigenbit.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// The C++ interface of Eigenbit: eigenbit.h with values that own what they name and errors as exceptions. Header only,
/// so that any compiler can use the library.
namespace eigenbit {
inline namespace v1 {

class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Extents, outermost first; images are (N, H, W, C).
using Extents = std::vector<std::int64_t>;

namespace detail {

inline void check(bool succeeded) {
    if (!succeeded) throw Error(eigenbit_last_error());
}

inline Extents extents_of(const eigenbit_shape& shape) { return {shape.extents, shape.extents + shape.rank}; }

inline eigenbit_shape shape_of(const Extents& extents) {
    if (extents.size() > EIGENBIT_MAX_RANK) throw Error("A shape has more extents than any tensor.");
    eigenbit_shape shape{static_cast<std::int32_t>(extents.size()), {}};
    for (std::size_t i = 0; i < extents.size(); ++i) shape.extents[i] = extents[i];
    return shape;
}

}  // namespace detail

/// A network as its file holds it. Cheap to copy: copies share it. Any number of threads may read it.
class Model {
  public:
    /// Reads an .ebit file. Throws Error when it cannot be read or is damaged.
    explicit Model(const std::string& path) : Model(eigenbit_model_open(path.c_str())) {}
    /// Reads the bytes of one, which need not stay.
    explicit Model(std::span<const std::byte> bytes) : Model(eigenbit_model_open_memory(bytes.data(), bytes.size())) {}

    std::size_t input_count() const { return eigenbit_model_input_count(get()); }
    std::size_t output_count() const { return eigenbit_model_output_count(get()); }
    /// An extent of 0 stands for any.
    Extents input_shape(std::size_t input = 0) const {
        eigenbit_shape shape;
        detail::check(eigenbit_model_input_shape(get(), input, &shape) == EIGENBIT_OK);
        return detail::extents_of(shape);
    }
    /// Of a classifier; empty when the file has none.
    std::vector<std::string> classes() const {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < eigenbit_model_class_count(get()); ++i) {
            names.emplace_back(eigenbit_model_class_name(get(), i));
        }
        return names;
    }
    const eigenbit_model* get() const { return model_.get(); }

  private:
    explicit Model(eigenbit_model* model) : model_(model, eigenbit_model_close) { detail::check(model != nullptr); }

    std::shared_ptr<eigenbit_model> model_;
};

struct SessionOptions {
    std::vector<Extents> input_shapes = {};  ///< one for each input; none: as the model declares them, with one image
    int threads = 0;                         ///< 0, or more than there are: as many as processors
    eigenbit_execution execution = EIGENBIT_EXECUTION_AUTO;
};

/// A model made ready for inputs of given shapes, with threads and memory of its own. One thread at a time may use it.
class Session {
  public:
    /// Throws Error when shapes do not fit.
    explicit Session(const Model& model, const SessionOptions& options = {}) {
        const std::size_t given = options.input_shapes.size();
        if (given != 0 && given != model.input_count()) throw Error("There must be one shape for each input.");
        std::vector<eigenbit_shape> shapes;
        for (const Extents& extents : options.input_shapes) shapes.push_back(detail::shape_of(extents));
        const eigenbit_session_options native{given == 0 ? nullptr : shapes.data(), options.threads, options.execution};
        session_.reset(eigenbit_session_create(model.get(), &native));
        detail::check(session_ != nullptr);
    }

    /// Where the values of an input belong: NHWC, already normalised.
    std::span<float> input(std::size_t index = 0) {
        return {eigenbit_session_input(get(), index), elements(input_shape(index))};
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
        detail::check(eigenbit_session_set_image(get(), image, pixels.data(), height, width, channels) == EIGENBIT_OK);
    }
    /// Computes the outputs. Throws Error when an input holds NaN or infinity.
    void run() { detail::check(eigenbit_session_run(get()) == EIGENBIT_OK); }
    /// Valid until the next run.
    std::span<const float> output(std::size_t index = 0) const {
        return {eigenbit_session_output(get(), index), elements(output_shape(index))};
    }

    Extents input_shape(std::size_t index = 0) const {
        eigenbit_shape shape;
        detail::check(eigenbit_session_input_shape(get(), index, &shape) == EIGENBIT_OK);
        return detail::extents_of(shape);
    }
    Extents output_shape(std::size_t index = 0) const {
        eigenbit_shape shape;
        detail::check(eigenbit_session_output_shape(get(), index, &shape) == EIGENBIT_OK);
        return detail::extents_of(shape);
    }
    std::size_t weight_bytes() const { return eigenbit_session_weight_bytes(get()); }
    std::size_t activation_bytes() const { return eigenbit_session_activation_bytes(get()); }
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

    std::unique_ptr<eigenbit_session, Close> session_;
};

}  // namespace v1
}  // namespace eigenbit
