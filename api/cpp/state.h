#pragma once

#include "api/arrays.h"
#include "api/model_file.h"
#include "datasets/data_spec.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/tensor.h"
#include "engine/base/warning.h"
#include "engine/graph/model.h"
#include "include/eigenbit/arrays.hpp"
#include "include/eigenbit/dataset.hpp"
#include "include/eigenbit/model.hpp"

#include <tbb/info.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

namespace eigenbit {
inline namespace v1 {

struct Model::State {
    internal::Model model;
    std::optional<internal::LevelStorage> storage{};  ///< none where its levels, if any, were in no file yet
    ImageSize size{};                                 ///< of images, where the network leaves it open

    internal::LevelStorage file_storage() const { return storage.value_or(internal::LevelStorage::entropy); }
};

struct Dataset::State {
    enum class Kind {
        specification,  ///< opened anew for each network
        for_network,    ///< prepared as a network takes it
        in_memory,      ///< prepared as each network says
        arrays          ///< read when they are used
    };

    Kind kind = Kind::specification;
    internal::Dataset dataset{};  ///< none for arrays
    std::string spec{};           ///< none in memory
    internal::DataSplit split = internal::DataSplit::train;

    /// The same as a network takes it.
    State prepared_for(const internal::Model& model) const;
    /// The data set as a network takes it, labelled by the network's classes.
    internal::Dataset labelled_for(const internal::Model& model) const;
    /// … of which the network sees the images alone.
    internal::Dataset images_for(const internal::Model& model) const;
    /// The first `count` arrays, or images in an order drawn from the seed.
    internal::Examples examples_for(const internal::Model& model, std::int64_t count, std::uint64_t seed) const;
};

/// Lets the data tell the network what it does not say itself.
void describe_by(internal::Model& model, const Dataset::State& data);

/// What call returns. The engine's errors become those of the interface.
template <typename Call>
auto translated(const Call& call) -> decltype(call()) {
    try {
        return call();
    } catch (const internal::Error& error) {
        throw Error(error.what());
    }
}

/// The same with warnings to a log, where there is one.
template <typename Call>
auto logged(const Log& log, const Call& call) -> decltype(call()) {
    if (!log) return call();
    const internal::WarningListener listener([&](std::string_view, std::string_view sentence) { log(sentence); });
    return call();
}

/// The same on so many threads; 0: as many as the caller's arena of oneTBB has.
template <typename Call>
auto translated(int threads, const Log& log, const Call& call) -> decltype(call()) {
    return translated([&] {
        if (threads < 0) internal::fail("{} threads were asked for, expected 0 or more.", threads);
        if (threads == 0) return logged(log, call);
        internal::Arena arena(std::min(threads, tbb::info::default_concurrency()));
        return arena->execute([&] { return logged(log, call); });
    });
}

internal::Shape shape_of(const Extents& extents);
Extents extents_of(const internal::Shape& shape);

/// The layers that int8 execution computes in floats.
std::vector<FloatLayer> float_layers_of(const internal::Graph& graph);

internal::Tensor tensor_of(const Array& array);
Array array_of(internal::ConstView values, std::string name);

}  // namespace v1
}  // namespace eigenbit
