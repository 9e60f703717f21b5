#pragma once

#include "engine/formats/ebit/ebit.h"
#include "include/eigenbit/eigenbit.h"

#include <memory>
#include <string>
#include <vector>

namespace eigenbit::internal {

struct CloseModel {
    void operator()(eigenbit_model* model) const { eigenbit_model_close(model); }
};
struct CloseSession {
    void operator()(eigenbit_session* session) const { eigenbit_session_close(session); }
};
using ModelHandle = std::unique_ptr<eigenbit_model, CloseModel>;
using SessionHandle = std::unique_ptr<eigenbit_session, CloseSession>;

/// The model as the library reads it from memory.
inline ModelHandle open_in_memory(const Model& model) {
    const std::vector<std::uint8_t> bytes = encode_ebit(model, LevelStorage::fixed).bytes;
    return ModelHandle(eigenbit_model_open_memory(bytes.data(), bytes.size(), nullptr));
}

/// A session for so many images, of which the model declares the size.
inline SessionHandle create_session(const ModelHandle& model, std::int64_t images, int threads = 1,
                                    eigenbit_execution execution = EIGENBIT_EXECUTION_AUTO) {
    eigenbit_shape shape;
    if (eigenbit_model_input_shape(model.get(), 0, &shape) != EIGENBIT_OK) return nullptr;
    shape.extents[0] = images;
    eigenbit_session_options options{};
    options.input_shapes = &shape;
    options.threads = threads;
    options.execution = execution;
    return SessionHandle(eigenbit_session_create(model.get(), &options));
}

}  // namespace eigenbit::internal
