#pragma once

#include "api/model_file.h"
#include "datasets/data_spec.h"
#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/graph/model.h"
#include "include/eigenbit/dataset.hpp"
#include "include/eigenbit/model.hpp"

#include <tbb/info.h>
#include <tbb/task_arena.h>

#include <functional>
#include <optional>
#include <string>

namespace eigenbit {
inline namespace v1 {

struct Model::State {
    internal::Model model;
    internal::LevelStorage storage = internal::LevelStorage::entropy;
};

struct Dataset::State {
    internal::Dataset dataset;
    std::string spec;  ///< what it was opened by; empty for images in memory
    internal::DataSplit split = internal::DataSplit::train;

    /// The data set as a network takes it, labelled by the network's classes.
    internal::Dataset labelled_for(const internal::Model& model) const;
    /// … of which the network sees the images alone.
    internal::Dataset images_for(const internal::Model& model) const;
};

/// What call returns. The engine's errors become those of the interface.
template <typename Call>
auto translated(const Call& call) -> decltype(call()) {
    try {
        return call();
    } catch (const internal::Error& error) {
        throw Error(error.what());
    }
}

/// The same on so many threads (0: all processors), with warnings to a log.
template <typename Call>
auto translated(int threads, const Log& log, const Call& call) -> decltype(call()) {
    return translated([&] {
        if (threads < 0) internal::fail("{} threads were asked for, expected 0 or more.", threads);
        const int processors = tbb::info::default_concurrency();
        tbb::task_arena arena(threads == 0 ? processors : std::min(threads, processors));
        return arena.execute([&] {
            const internal::ScopedWarningListener listener([&](std::string_view, std::string_view sentence) {
                if (log) log(sentence);
            });
            return call();
        });
    });
}

internal::Shape shape_of(const Extents& extents);
Extents extents_of(const internal::Shape& shape);

}  // namespace v1
}  // namespace eigenbit
