// What a packed network costs an application that embeds the library: the time to open it and to make a session, and
// resident memory above that of the program before, while that happens and after it, of a second session too.
//
//     footprint FILE.ebit [THREADS] [floats | bytes]
//
// Inputs are floats, or bytes: pixels where the network says how images are prepared, else levels.

#include "include/eigenbit/eigenbit.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/// A field of a file of /proc/self such as "Rss:", megabytes.
double megabytes(const char* file, const char* field) {
    std::FILE* const lines = std::fopen(file, "r");
    char line[256];
    double kilobytes = 0.0;
    while (std::fgets(line, sizeof line, lines) != nullptr) {
        if (std::strncmp(line, field, std::strlen(field)) == 0) kilobytes = std::atof(line + std::strlen(field));
    }
    std::fclose(lines);
    return kilobytes / 1024.0;
}

/// By the page tables: the status has sums that are a quarter of a megabyte behind.
double resident_megabytes() { return megabytes("/proc/self/smaps_rollup", "Rss:"); }

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

template <typename Pointer>
Pointer checked(Pointer pointer) {
    if (pointer == nullptr) {
        std::fprintf(stderr, "footprint: %s\n", eigenbit_last_error());
        std::exit(1);
    }
    return pointer;
}

void check(eigenbit_status status) {
    if (status != EIGENBIT_OK) checked<const char*>(nullptr);
}

/// Sets the first input and runs.
void run(eigenbit_session* session, bool is_bytes) {
    eigenbit_shape shape;
    check(eigenbit_session_input_shape(session, 0, &shape));
    std::size_t elements = 1;
    for (std::int32_t axis = 0; axis < shape.rank; ++axis) elements *= static_cast<std::size_t>(shape.extents[axis]);
    if (is_bytes) {
        static std::uint8_t grey[1 << 22];  // never written: it takes no memory
        if (elements > sizeof grey) std::exit(1);
        if (eigenbit_session_set_input(session, 0, EIGENBIT_PIXELS_NHWC, grey, elements) != EIGENBIT_OK) {
            check(eigenbit_session_set_input(session, 0, EIGENBIT_LEVELS_UINT8, grey, elements));
        }
    } else {
        float* const values = checked(eigenbit_session_input(session, 0));
        std::fill_n(values, elements, 0.5F);
    }
    check(eigenbit_session_run(session));
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::fprintf(stderr, "usage: footprint FILE.ebit [THREADS] [floats | bytes]\n");
        return 2;
    }
    eigenbit_session_options options{};
    options.threads = count > 2 ? std::atoi(arguments[2]) : 1;
    const bool is_bytes = count > 3 && std::strcmp(arguments[3], "bytes") == 0;
    const double empty = resident_megabytes();
    const auto start = std::chrono::steady_clock::now();
    eigenbit_model* const model = checked(eigenbit_model_open(arguments[1], nullptr));
    const double opening = milliseconds_since(start);
    const auto opened = std::chrono::steady_clock::now();
    eigenbit_session* const session = checked(eigenbit_session_create(model, &options));
    const double making = milliseconds_since(opened);
    run(session, is_bytes);
    const double peak = megabytes("/proc/self/status", "VmHWM:") - empty;
    const double steady = resident_megabytes() - empty;
    eigenbit_session* const second = checked(eigenbit_session_create(model, &options));
    run(second, is_bytes);
    const double both = resident_megabytes() - empty;
    std::printf("%s, %s, %d threads, inputs of %s\n", eigenbit_session_is_int8(session) ? "int8" : "float",
                eigenbit_cpu(), options.threads, is_bytes ? "bytes" : "floats");
    std::printf("open        %7.1f ms\nsession     %7.1f ms\n", opening, making);
    std::printf("peak        %7.1f MB\nsteady      %7.1f MB (%.1f weights, %.1f activations)\n", peak, steady,
                1e-6 * static_cast<double>(eigenbit_session_weight_bytes(session)),
                1e-6 * static_cast<double>(eigenbit_session_activation_bytes(session)));
    std::printf("2nd session %+7.1f MB\n", both - steady);
    eigenbit_session_close(second);
    eigenbit_session_close(session);
    eigenbit_model_close(model);
    return 0;
}
