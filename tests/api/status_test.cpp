#include "tests/api/handles.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>

using namespace eigenbit::internal;

namespace {

constexpr std::uint64_t kFloats = 2;  // seed of a model without grids
constexpr std::uint64_t kBytes = 3;   // … and of one with

/// Whether the last error says this.
bool says(const std::string& part) { return std::string(eigenbit_last_error()).find(part) != std::string::npos; }

}  // namespace

TEST_CASE("The C interface refuses NULL for anything it needs") {
    CHECK(eigenbit_model_open(nullptr, nullptr) == nullptr);
    CHECK(says("path is NULL"));
    CHECK(eigenbit_model_open_memory(nullptr, 10, nullptr) == nullptr);
    CHECK(says("NULL"));
    CHECK(eigenbit_session_create(nullptr, nullptr) == nullptr);
    CHECK(says("model is NULL"));
    CHECK(eigenbit_session_run(nullptr) == EIGENBIT_ERROR);
    CHECK(says("session is NULL"));
    CHECK(eigenbit_session_input(nullptr, 0) == nullptr);
    CHECK(eigenbit_session_output(nullptr, 0) == nullptr);
    CHECK(eigenbit_model_class_name(nullptr, 0) == nullptr);
    CHECK(eigenbit_model_input_count(nullptr) == 0);
    CHECK(eigenbit_model_output_count(nullptr) == 0);
    CHECK(eigenbit_model_class_count(nullptr) == 0);
    CHECK(eigenbit_session_weight_bytes(nullptr) == 0);
    CHECK(eigenbit_session_activation_bytes(nullptr) == 0);
    CHECK(eigenbit_session_is_int8(nullptr) == 0);
    eigenbit_model_close(nullptr);
    eigenbit_session_close(nullptr);

    const ModelHandle model = open_in_memory(small_packed_model(kFloats));
    const SessionHandle session = create_session(model, 1);
    REQUIRE(session);
    CHECK(eigenbit_model_input_shape(model.get(), 0, nullptr) == EIGENBIT_ERROR);
    CHECK(eigenbit_session_output_shape(session.get(), 0, nullptr) == EIGENBIT_ERROR);
    CHECK(eigenbit_session_set_image(session.get(), 0, nullptr, 8, 8, 3) == EIGENBIT_ERROR);
    CHECK(says("pixels is NULL"));
}

TEST_CASE("A file that is missing or no model is refused by name") {
    const TemporaryFolder folder;
    const std::string missing = folder / "missing.ebit";
    CHECK(eigenbit_model_open(missing.c_str(), nullptr) == nullptr);
    CHECK(says(missing));
    folder.write("text.ebit", "not a model");
    const std::string text = folder / "text.ebit";
    CHECK(eigenbit_model_open(text.c_str(), nullptr) == nullptr);
    CHECK(says(text));
}

TEST_CASE("A model of which bytes are missing or changed is refused") {
    std::vector<std::uint8_t> bytes = encode_ebit(small_packed_model(kBytes), LevelStorage::entropy).bytes;
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
        CHECK(eigenbit_model_open_memory(bytes.data(), size, nullptr) == nullptr);
        CHECK(says("The model in memory"));
    }
    bytes[bytes.size() / 2] ^= 1;
    CHECK(eigenbit_model_open_memory(bytes.data(), bytes.size(), nullptr) == nullptr);
}

TEST_CASE("What a model does not have is refused by its number") {
    const ModelHandle model = open_in_memory(small_packed_model(kFloats));
    eigenbit_shape shape;
    CHECK(eigenbit_model_input_name(model.get(), 1) == nullptr);
    CHECK(says("There is no input 1; there are 1."));
    CHECK(eigenbit_model_output_name(model.get(), 2) == nullptr);
    CHECK(eigenbit_model_class_name(model.get(), 5) == nullptr);
    CHECK(eigenbit_model_input_shape(model.get(), 1, &shape) == EIGENBIT_ERROR);
    const SessionHandle session = create_session(model, 1);
    CHECK(eigenbit_session_input(session.get(), 1) == nullptr);
    CHECK(eigenbit_session_output(session.get(), 1) == nullptr);
    CHECK(says("There is no output 1; there are 1."));
    CHECK(eigenbit_session_input_shape(session.get(), 1, &shape) == EIGENBIT_ERROR);
}

TEST_CASE("A session is not made for shapes, threads or an execution that cannot be") {
    const ModelHandle model = open_in_memory(small_packed_model(kFloats));
    const auto refused = [&](const eigenbit_shape& shape, int threads, int execution) {
        eigenbit_session_options options{};
        options.input_shapes = &shape;
        options.threads = threads;
        options.execution = static_cast<eigenbit_execution>(execution);
        return SessionHandle(eigenbit_session_create(model.get(), &options)) == nullptr;
    };
    const eigenbit_shape fitting{4, {1, 8, 8, 3}};
    CHECK_FALSE(refused(fitting, 1, EIGENBIT_EXECUTION_FLOAT));
    CHECK(refused({4, {1, 8, 8, 4}}, 1, EIGENBIT_EXECUTION_FLOAT));
    CHECK(refused({4, {0, 8, 8, 3}}, 1, EIGENBIT_EXECUTION_FLOAT));
    CHECK(says("every extent must be given"));
    CHECK(refused({4, {-1, 8, 8, 3}}, 1, EIGENBIT_EXECUTION_FLOAT));
    CHECK(refused({7, {1, 8, 8, 3}}, 1, EIGENBIT_EXECUTION_FLOAT));
    CHECK(says("7 extents"));
    CHECK(refused(fitting, -1, EIGENBIT_EXECUTION_FLOAT));
    CHECK(says("-1 threads"));
    CHECK(refused(fitting, 1, 3));
    CHECK(refused(fitting, 1, EIGENBIT_EXECUTION_INT8));
    CHECK(says("how to round its activations; eigenbit pack --data SPEC makes it so"));
}

TEST_CASE("Images that cannot be prepared are refused") {
    Model unprepared = small_packed_model(kFloats);
    unprepared.preprocessing.reset();
    const std::vector<std::uint8_t> pixels(12 * 12 * 3, 100);
    const SessionHandle without = create_session(open_in_memory(unprepared), 1);
    CHECK(eigenbit_session_set_image(without.get(), 0, pixels.data(), 12, 12, 3) == EIGENBIT_ERROR);
    CHECK(says("does not say how to prepare images"));

    const SessionHandle session = create_session(open_in_memory(small_packed_model(kFloats)), 2);
    CHECK(eigenbit_session_set_image(session.get(), 1, pixels.data(), 12, 12, 3) == EIGENBIT_OK);
    CHECK(eigenbit_session_set_image(session.get(), 2, pixels.data(), 12, 12, 3) == EIGENBIT_ERROR);
    CHECK(says("There is no image 2 in a batch of 2."));
    CHECK(eigenbit_session_set_image(session.get(), -1, pixels.data(), 12, 12, 3) == EIGENBIT_ERROR);
    CHECK(eigenbit_session_set_image(session.get(), 0, pixels.data(), 0, 12, 3) == EIGENBIT_ERROR);
    CHECK(eigenbit_session_set_image(session.get(), 0, pixels.data(), 12, 12, 2) == EIGENBIT_ERROR);
}

TEST_CASE("Inputs that hold NaN or infinity are refused, and the session goes on") {
    for (const std::uint64_t seed : {kFloats, kBytes}) {
        const SessionHandle session = create_session(open_in_memory(small_packed_model(seed)), 1);
        float* const input = eigenbit_session_input(session.get(), 0);
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            input[17] = bad;
            CHECK(eigenbit_session_run(session.get()) == EIGENBIT_ERROR);
            CHECK(says("NaN or infinity"));
        }
        input[17] = 0.0F;
        CHECK(eigenbit_session_run(session.get()) == EIGENBIT_OK);
    }
}

TEST_CASE("Each thread has a last error of its own") {
    CHECK(eigenbit_model_open(nullptr, nullptr) == nullptr);
    std::string elsewhere = "unset";
    std::thread([&] { elsewhere = eigenbit_last_error(); }).join();
    CHECK(elsewhere.empty());
    CHECK(says("path is NULL"));
}
